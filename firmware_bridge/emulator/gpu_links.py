"""Live values of GPUs' NVLinks: a GPU's side is that of the switch ports that lead to it.  `at` is GPU × 18 + link.

A link that no port of the rack's switches stands for is up while its tray has power.
"""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from firmware_bridge.emulator.bench import Bench

SHOWN_PER_GPU = 18  # capture gb200-compute-tray: HGX_ProcessorPortMetrics_0
BYTES_PER_JOULE = 2e7  # assumption: a link carries 24 GB/s each way while its GPU draws 1.2 kW


def links_of(values: NDArray[Any], bench: Bench, rack: int, tray: int, gpu: int) -> NDArray[Any]:
    """Return what `values` (racks, switch trays, ports) hold of one GPU's links, in the order of its link numbers."""
    every = bench.design.trays * bench.design.gpus
    mine = slice(tray * bench.design.gpus + gpu, bench.nvlinks.access, every)
    found: NDArray[Any] = values[rack, :, mine].ravel()
    return found


def _of_link(values: Callable[[Bench], NDArray[Any]]) -> Callable[[Bench, int, int, int], int]:
    def read(b: Bench, r: int, t: int, at: int) -> int:
        gpu, link = divmod(at, SHOWN_PER_GPU)
        links = links_of(values(b), b, r, t, gpu)
        return int(links[link]) if link < len(links) else 0

    return read


def links_up(bench: Bench, rack: int, tray: int, gpu: int) -> list[bool]:
    """Return which of one GPU's links are up, in the order of their numbers: what controller and driver both say."""
    found: list[bool] = links_of(bench.nvlinks.up, bench, rack, tray, gpu).tolist()[:SHOWN_PER_GPU]
    return found + [bool(bench.state.conditions.tray_on[rack, tray])] * (SHOWN_PER_GPU - len(found))


def _up(b: Bench, r: int, t: int, at: int) -> int:
    gpu, link = divmod(at, SHOWN_PER_GPU)
    return int(links_up(b, r, t, gpu)[link])


def _failed(b: Bench, r: int, t: int, at: int) -> bool:
    """A link that is down while its own tray has power failed: its far end is away, or something is between."""
    return bool(b.state.conditions.tray_on[r, t]) and not _up(b, r, t, at)


GPU_LINKS: dict[str, Callable[[Bench, int, int, int], float | int | bool | str | None]] = {
    "gpu.link_up": _up,
    "gpu.link_failed": _failed,
    "gpu.link_untrained": lambda b, r, t, at: False,  # every emulated link comes up at once
    "gpu.link_bytes": lambda b, r, t, at: int(BYTES_PER_JOULE * float(b.state.gpu_energy[r, t, at // SHOWN_PER_GPU])),
    "gpu.link_symbols": _of_link(lambda b: b.nvlinks.symbols),
    "gpu.link_recoveries": _of_link(lambda b: b.nvlinks.recoveries),
    "gpu.link_downed": _of_link(lambda b: b.nvlinks.downed),
}
