"""`rackwright up` with one rack: seconds until every rack is live, and the memory of all processes together."""

import statistics
import time
from collections.abc import Callable

from bench.product import running_product

ROUNDS = 5
SETTLE_SECONDS = 5.0


def run(record: Callable[..., None]) -> None:
    """Measure and record `ready_s` (bar 10 s) and `rss_mib` (bar 600 MiB)."""
    ready, memory = [], []
    for _ in range(ROUNDS):
        with running_product("gb200-nvl72") as product:
            time.sleep(SETTLE_SECONDS)
            ready.append(product.ready_s)
            memory.append(product.rss_mib())
    record(figure="ready_s", value=statistics.median(ready), unit="s", n=ROUNDS)
    record(figure="rss_mib", value=statistics.median(memory), unit="MiB", n=ROUNDS)
