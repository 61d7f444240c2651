"""What a serial console says: lines out of bytes, and the lines that mean something.  Pure."""
