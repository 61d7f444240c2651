"""A leak played through a Redfish driver: a detector is read, called Critical, decoded as ever.  Nothing is stored."""

from typing import Any

from firmware_bridge.drivers.redfish.link import URGENT
from firmware_bridge.vocabulary.errors import ResourceMissing
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.wire.redfish.leaks import called_critical
from firmware_bridge.wire.redfish.plan import readings_of


class LeakPlay:
    """Adds the port LeakPlaying to a source with `link`, `clock` and `state.plan`."""

    __slots__ = ()

    async def play_leak(self: Any, detector: Place) -> list[Reading]:
        """Read a detector and return what it would have read, had its device called it Critical (see the port)."""
        for fetch in self.state.plan.fetches.get(ReadingClass.SAFETY, ()):
            for extract in fetch.extracts:
                if (extract.series.place, extract.series.quantity) == (detector, Quantity.LEAK):
                    asked_at, uri = self.clock.now(), extract.member or fetch.uri
                    document = await self.link.get_decoded(
                        fetch.uri,
                        lambda raw, fetch=fetch, uri=uri: fetch.decode(called_critical(raw, uri)),
                        URGENT,
                    )
                    found = readings_of(fetch, document, asked_at)
                    return [r for r in found if (r.place, r.quantity) == (detector, Quantity.LEAK)]
        raise ResourceMissing(self.link.endpoint, "play_leak", f"{detector} is read by none of its requests")
