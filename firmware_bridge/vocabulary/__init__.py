"""Units, identity, readings, actions, errors and the clock's protocol.  Imports nothing of ours."""
