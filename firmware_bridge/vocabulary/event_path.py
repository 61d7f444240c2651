"""How an endpoint's events reach us, and when that was last proven.  Interprets nothing."""

from dataclasses import dataclass
from enum import StrEnum

from firmware_bridge.vocabulary.units import Seconds


class PathKind(StrEnum):
    """`sse`: a stream is open; `push`: the device sends to our listener; `polling`: it offers neither, or may not be
    written to; `unproven`: there should be a stream or a subscription, and nothing shows that it works."""

    SSE = "sse"
    PUSH = "push"
    POLLING = "polling"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class EventPath:
    """The way of one endpoint's events.  `proven_at` is monotonic, None when it never was; `detail` says why not."""

    kind: PathKind
    proven_at: Seconds | None = None
    detail: str = ""
