"""What one more rack costs as racks are added: CPU and memory of all processes from 1 to 10 racks of both generations.

Figures: `cpu_per_rack` and `mib_per_rack` at ten racks, each with the same cost between one and five racks as baseline
(bar: the ratio at most 1.15), and `emulator_mib` of ten racks with all their clients connected (bar 250 MiB).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.product import running_product

SETTLE_SECONDS = 15.0
MEASURE_SECONDS = 20.0
PROCESSES = ("controller", "api", "emulator", "nats")
# Pairs of one rack and one system of two, so that every step adds the same mix.
STEPS = {1: "gb200-nvl72", 4: "gb200-nvl72*2,orv3-hpr-nvl36x2", 10: "gb200-nvl72*4,orv3-hpr-nvl36x2*3"}


@dataclass(frozen=True)
class Cost:
    """Cores and MiB of the whole product, and MiB of its emulator."""

    cores: float
    mib: float
    emulator_mib: float


def run(record: Callable[..., None]) -> None:
    """Weigh three sizes and record what a further rack costs."""
    costs = {racks: weigh(spec) for racks, spec in STEPS.items()}
    (few, middle, many) = STEPS
    for figure, unit, of in (
        ("cpu_per_rack", "cores", {racks: cost.cores for racks, cost in costs.items()}),
        ("mib_per_rack", "MiB", {racks: cost.mib for racks, cost in costs.items()}),
    ):
        early = (of[middle] - of[few]) / (middle - few)
        late = (of[many] - of[middle]) / (many - middle)
        record(figure=figure, value=late, unit=unit, baseline=early, ratio=late / early, n=many)
        record(figure=f"{figure}_growth", value=late / early, unit="1", n=many)
    record(figure="emulator_mib_10_racks", value=costs[many].emulator_mib, unit="MiB", n=many)


def weigh(spec: str) -> Cost:
    """Return what the product costs with these racks once it has settled."""
    with running_product(spec) as product:
        time.sleep(SETTLE_SECONDS)
        names = [n for n in PROCESSES if n in product.pids]
        before = product.cpu_seconds(*names)
        time.sleep(MEASURE_SECONDS)
        cores = (product.cpu_seconds(*names) - before) / MEASURE_SECONDS
        return Cost(cores, product.rss_mib(), product.rss_mib("emulator"))
