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
    ready: dict[str, list[float]] = {racks: [] for _, _, racks in CASES}
    memory: dict[str, list[float]] = {racks: [] for _, _, racks in CASES}
    for _ in range(ROUNDS):
        for _, _, racks in CASES:
            with running_product(racks) as product:
                time.sleep(SETTLE_SECONDS)
                ready[racks].append(product.ready_s)
                memory[racks].append(product.rss_mib())
    for ready_figure, memory_figure, racks in CASES:
        record(figure=ready_figure, value=statistics.median(ready[racks]), unit="s", n=ROUNDS)
        record(figure=memory_figure, value=statistics.median(memory[racks]), unit="MiB", n=ROUNDS)
