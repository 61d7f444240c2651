"""A rig in virtual time: the plant, how its parts were made, what its sensors show, and the faults planted in it."""
