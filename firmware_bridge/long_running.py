"""What a process that runs for months does before and after it loads what it is made of.

Python looks for garbage after every 700 new objects, and now and then through all there are: with the tables of a few
racks a fifth of a start goes into it, and each look through everything is a pause in which nothing is heard.
"""

import gc
import sys

YOUNG, MIDDLE, OLD = 20_000, 20, 20  # new objects before a look at the young ones; looks before one at older ones


def begin() -> None:
    """Look for garbage more rarely, and load no library in vain.  Call it before the large imports."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    # nats-py loads aiohttp, where it is installed, for WebSockets: 10 MiB that nobody here uses.
    sys.modules.setdefault("aiohttp", None)  # type: ignore[arg-type]


def settled() -> None:
    """Never look again at what there is now: modules, drivers and tables that live as long as the process."""
    gc.collect()
    gc.freeze()
