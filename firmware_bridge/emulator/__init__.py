"""Stands in for a rack's devices on real sockets, in a process of its own.  Never imported by production code."""
