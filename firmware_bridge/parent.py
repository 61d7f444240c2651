"""Binds a process to the one that started it, so that none is left behind.  Linux only: elsewhere nothing ends it."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def bind_to_parent(parent: int) -> bool:
    """Ask the kernel for SIGTERM when the parent dies; return False when `parent` is no longer the parent.

    Does nothing that is not safe between fork and exec.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent and parent != 1
