"""One GPU's power limit set in band, and read back.  Blocking; called in a lane of its own beside the reading.

A limit outside what the GPU takes is set to the nearest that it does take, and said.
"""

from firmware_bridge.drivers.nvml import library
from firmware_bridge.drivers.nvml.library import Handle, NvmlFailure
from firmware_bridge.wire.nvml.codes import NO_PERMISSION
from firmware_bridge.wire.nvml.grants import HeldGpu

_MILLI = 0.001
FORBIDDEN = "no permission: limits are set with root's rights only (see docs/gpu-agent.md)"


def keep_limit(handle: Handle, gpu: int, watts: float) -> HeldGpu:
    """Set the limit where the driver keeps another, and return what is kept and enforced then, W.  Never raises."""
    try:
        around = library.read_limit_range(handle)
        taken = min(max(round(watts * 1e3), around["min"]), around["max"])
        if library.read_limit(handle) != taken:
            library.set_limit(handle, taken)
        said = "" if taken == round(watts * 1e3) else _outside(watts, around["min"], around["max"])
    except NvmlFailure as err:
        said = FORBIDDEN if err.code == NO_PERMISSION else str(err)
    return _read(handle, gpu, said)


def _read(handle: Handle, gpu: int, said: str) -> HeldGpu:
    try:
        kept, enforced = library.read_limit(handle), library.read_enforced_limit(handle)
    except NvmlFailure as err:
        return HeldGpu(gpu, refused=said or str(err))
    return HeldGpu(gpu, kept * _MILLI, enforced * _MILLI, said)


def _outside(watts: float, least: int, most: int) -> str:
    return f"{watts:g} W is outside what it takes, {least * _MILLI:g} to {most * _MILLI:g} W"
