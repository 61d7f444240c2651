"""What a rack is and what is said about it: layout, snapshot, frame, subjects, commands, policy.  Pure."""
