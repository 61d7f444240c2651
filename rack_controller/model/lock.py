"""Maintenance locks, and what the latches of the interlocks say.  Values and a protocol; nothing is decided here."""

from typing import Protocol

import msgspec

from firmware_bridge.vocabulary.place import Place


class MaintenanceLock(msgspec.Struct, frozen=True):
    """Somebody works on a tray: owner, how to reach them, until when.  It outranks all automation."""

    place: str
    owner: str
    phone: str
    reason: str
    since_unix_ns: int
    until_unix_ns: int

    @property
    def text(self) -> str:
        """Return it in an operator's words."""
        return f"locked by {self.owner} ({self.phone}): {self.reason}"


class LatchBook(Protocol):
    """What keeps a place from being energised.  Asked before every step toward energised."""

    def forbids(self, place: Place) -> str:
        """Return why nothing at `place` may be energised now, empty when it may."""
        ...

    def unsure(self, place: Place) -> str:
        """Return what must be seen first before that can be told, empty when it can: it forbids too, but may pass."""
        ...

    def keeps_off(self, place: Place) -> str:
        """Return what forbids it until a person ends it (a latch, a bypass).  A plan asks this: it is no attempt."""
        ...


class NoLatches:
    """For a rack without interlocks: nothing latches there, so nothing can be latched."""

    def forbids(self, place: Place) -> str:
        """Return that nothing is latched."""
        return ""

    def unsure(self, place: Place) -> str:
        """Return that nothing has to be seen first."""
        return ""

    def keeps_off(self, place: Place) -> str:
        """Return that nothing is kept off."""
        return ""
