"""The port of a machine whose GPUs multiply matrices: what a stress with a known answer asks of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from firmware_bridge.wire.known_product import Words


@dataclass(frozen=True, slots=True)
class WorkingGpu:
    """One GPU: its number on the host, the host's tray as a place below the rack (empty: the only one), its name."""

    number: int
    tray: str
    name: str


class Multipliers(Protocol):
    """The GPUs of one machine, or of every emulated host."""

    def gpus(self) -> Sequence[WorkingGpu]:
        """Return the GPUs.  Raises EnvironmentUnfit where the machine has none that can be used."""
        ...

    def multiply(self, gpu: WorkingGpu, seed: int, size: int, times: int) -> tuple[Words, float]:
        """Let one GPU multiply the matrices of a seed so many times; returns the last result and how long it took, s.

        Raises DeviceError when the GPU does not come back with one.
        """
        ...

    def close(self) -> None:
        """Give back what was taken of the GPUs."""
        ...
