"""Switching single trays by command, and looking at their power."""
