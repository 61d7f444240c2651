"""The plant's inner loops for many racks at once, compiled by numba (extra `fast`).  Pure, in place."""
