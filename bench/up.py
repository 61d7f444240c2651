"""`rackwright up`: seconds until every rack is live, and the memory of all processes together.

One rack of one generation, and what `make run` starts: two generations, three racks, 144 GPUs.
"""

import statistics
import time
from collections.abc import Callable

from bench.product import running_product

ROUNDS = 5
SETTLE_SECONDS = 5.0
CASES = (("ready_s", "rss_mib_1_rack", "gb200-nvl72"), ("ready_s_3_racks", "rss_mib", "gb200-nvl72,orv3-hpr-nvl36x2"))


def run(record: Callable[..., None]) -> None:
    """Measure `ready_s` (bar 10 s), `ready_s_3_racks` (bar 15 s) and `rss_mib` of three racks (bar 800 MiB)."""
    for ready_figure, memory_figure, racks in CASES:
        ready, memory = [], []
        for _ in range(ROUNDS):
            with running_product(racks) as product:
                time.sleep(SETTLE_SECONDS)
                ready.append(product.ready_s)
                memory.append(product.rss_mib())
        record(figure=ready_figure, value=statistics.median(ready), unit="s", n=ROUNDS)
        record(figure=memory_figure, value=statistics.median(memory), unit="MiB", n=ROUNDS)
