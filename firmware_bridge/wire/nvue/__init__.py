"""NVUE documents of an NVLink switch's operating system (NVOS): what they say, read tolerantly.  No I/O."""
