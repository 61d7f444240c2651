"""What the emulator asks of its operating system: files enough, little memory, and an end with its parent."""

import ctypes
import os
import resource

from firmware_bridge.parent import bind_to_parent
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

MAPPED_FROM = 128 * 1024
_M_MMAP_THRESHOLD = -3  # mallopt(3)
SPARE_FILES = 96
FILES_PER_LINE = 2  # both sides of a pseudo-terminal
FILES_PER_ENDPOINT = 5  # a listener, two polling connections, an event stream, one for a person


def die_with_parent() -> None:
    """End with the parent process.  Raises EnvironmentUnfit when it is gone already."""
    if not bind_to_parent(os.getppid()):
        raise EnvironmentUnfit("the parent process is gone", advice="start the emulator without --die-with-parent")


def map_large_blocks() -> bool:
    """Have each block of `MAPPED_FROM` bytes or more mapped by itself; return whether the C library was told.

    A TLS connection holds a buffer of 256 KiB and uses a few pages of it.  glibc would soon cut such blocks out of its
    heap, where other things have left used pages behind: with thousands of connections a third of the memory.
    """
    tell = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's own; elsewhere nothing is to be told
    return tell is not None and tell(_M_MMAP_THRESHOLD, MAPPED_FROM) == 1


def ensure_files(endpoints: int, lines: int = 0) -> None:
    """Raise the soft limit of open files to what `endpoints` and serial `lines` need.

    Raises EnvironmentUnfit when the hard limit does not even allow a listener and two connections each.
    """
    spare = SPARE_FILES + lines * FILES_PER_LINE
    wanted, least = endpoints * FILES_PER_ENDPOINT + spare, endpoints * 3 + spare
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted and ceiling > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
        soft = ceiling
    if soft != resource.RLIM_INFINITY and soft < least:
        raise EnvironmentUnfit(
            f"{endpoints} endpoints need {least} open files, the limit is {soft}", advice=f"ulimit -n {wanted}"
        )
