"""Layers of limits that people set above single GPUs: a module's, a tray's, a workload profile, a smoothing floor."""

from enum import StrEnum

import msgspec


class LayerKind(StrEnum):
    """`module`, `tray`: W that it may draw at most, with what is in it besides GPUs.  `profile`: a name that the
    generation knows.  `floor`: W that each GPU draws at least."""

    MODULE = "module"
    TRAY = "tray"
    PROFILE = "profile"
    FLOOR = "floor"


class LayerWish(msgspec.Struct, frozen=True):
    """One layer over the GPUs of `target`: a place of the site (rack, tray, GPU).  `watts`, or the `profile`'s name."""

    kind: LayerKind
    target: str
    watts: float = 0.0
    profile: str = ""
    by: str = ""
    since_unix_ns: int = 0

    @property
    def key(self) -> str:
        """Return what tells it from others: one layer of a kind at a place."""
        return f"{self.kind} {self.target}"

    @property
    def words(self) -> str:
        """Return what people call it."""
        if self.kind is LayerKind.PROFILE:
            return f"profile {self.profile}"
        return f"{'smoothing floor' if self.kind is LayerKind.FLOOR else f'{self.kind} limit'} of {self.watts:g} W"
