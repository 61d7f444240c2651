"""The part every port shares: find out what there is, then read it class by class."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from firmware_bridge.vocabulary.attention import Attention
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.event_path import EventPath
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.reading import Reading, Series
from firmware_bridge.vocabulary.subtree import Subtree
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.vocabulary.xid import ToldXid


class TelemetrySource(Protocol):
    """An endpoint that can be read.  Every method raises only DeviceError and its children."""

    @property
    def endpoint(self) -> Place:
        """Return the endpoint's place, e.g. `…/u12/bmc`."""
        ...

    @property
    def faults(self) -> Mapping[str, DeviceError]:
        """Return the resources that could not be read the last time, by URI or register, each with its error."""
        ...

    async def discover(self) -> Sequence[Series]:
        """Log in, look at what the endpoint offers and return the series it will deliver.

        May be called again after the endpoint was away; the plan is then made anew.
        """
        ...

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        """Read every series of one class.  A value the device does not give comes back as None with its quality.

        Raises EndpointUnreachable when nothing could be read; one bad resource only costs its own readings.
        """
        ...

    async def report(self) -> EndpointReport:
        """Take stock: inventory, firmware, leak detectors and notes.  Slow; asked at start and on rescan."""
        ...

    async def close(self) -> None:
        """Log out and drop every connection.  Never raises."""
        ...


@runtime_checkable
class Pushing(Protocol):
    """A source whose most urgent readings come by themselves: a serial line's fast lane, later a BMC's event stream."""

    def pushes(self) -> AsyncIterator[Sequence[Reading]]:
        """Yield readings as they come, for as long as it is iterated; begins after `discover`.  Raises DeviceError."""
        ...


@runtime_checkable
class Eventful(Protocol):
    """A source that knows how its events come; the controller shows it and says when the way is lost."""

    @property
    def event_path(self) -> EventPath:
        """Return the way of this endpoint's events, with the time it was last proven."""
        ...


@runtime_checkable
class TellingXids(Protocol):
    """A source whose device passes on what a GPU's driver reports."""

    def take_xids(self) -> Sequence[ToldXid]:
        """Return the XIDs that the device told of since this was asked last."""
        ...


@runtime_checkable
class Prompt(Protocol):
    """A source that tells of a leak as soon as it has read it, before the rest of its class has answered."""

    def tell_leaks_to(self, take: Callable[[Sequence[Reading]], object]) -> None:
        """Give every leak to `take` at once from now on; it comes again with the whole read."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A source that keeps the version of the system it reads: several of one kind are compared all the time."""

    @property
    def version(self) -> str:
        """Return the version as it was last read, empty before that."""
        ...


@runtime_checkable
class Nesting(Protocol):
    """A source with something behind its endpoint that lives and dies on its own (an accelerator board's HMC)."""

    @property
    def subtree(self) -> Subtree | None:
        """Return what is read of it since the last `discover`, None before the first."""
        ...


@runtime_checkable
class Sparing(Protocol):
    """A source that may be asked less: it adapts to a slow device by itself, and can be told to leave it alone."""

    @property
    def attention(self) -> Attention:
        """Return how much the endpoint is asked now, and whether its leak detectors can be believed."""
        ...

    def be_quiet(self, seconds: Seconds, reason: str) -> None:
        """Ask for safety readings only, and rarely, for so long; 0 ends it."""
        ...


class Locatable(Protocol):
    """A part with a locate (indicator) light: the one harmless write of the first release."""

    async def set_locate(self, on: bool) -> None:
        """Switch the locate light.  Raises DeviceError; ResourceMissing when the device has none."""
        ...
