"""What a host's agent keeps of what it was granted."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds


@dataclass(frozen=True, slots=True)
class Kept:
    """What a host's agent said at `heard_at` (our clock) that it keeps: grant `number` of the controller `epoch`, which
    ends at `ends_at`; then standing limits hold.

    `limits` W that were set in band, read back, and are enforced; `refused`: why a GPU does not keep what it was
    granted, at the host's own place why the agent takes no grant.
    """

    epoch: int
    number: int
    heard_at: Seconds
    ends_at: Seconds
    limits: Mapping[Place, float]
    refused: Mapping[Place, str]
