"""What emulated GPUs make of matrices: the known product, or one with a wrong bit where a GPU computes wrongly."""

import base64
from typing import Any

import numpy as np

from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.gpu_hosts import GpuHosts
from firmware_bridge.wire.known_product import matrices, product

MOST_SIZE = 256
WORDS_PER_S = 2.0e13  # assumption: an emulated GPU's multiplications a second
BIT = 1 << 17


def multiplied(hosts: GpuHosts, tray: str, gpu: int, seed: int, size: int, times: int) -> dict[str, Any]:
    """Return a GPU's result as words in base64, and how long it took by its own clock, s.

    Raises ValueError where no host runs at a tray.
    """
    wrong = hosts.strikes(FaultKind.WRONG_RESULTS, f"{tray}/gpu{gpu}")
    found = product(*matrices(seed, size))
    if wrong:
        found.flat[seed % found.size] ^= np.uint32(BIT)
    seconds = times * size**3 / WORDS_PER_S
    return {"words": base64.b64encode(found.astype("<u4").tobytes()).decode("ascii"), "seconds": seconds}
