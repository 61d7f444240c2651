"""A look at an endpoint's own words, asked for by a person.  Nothing of it is kept or understood."""

from collections.abc import Mapping

from firmware_bridge.ports.raw import RawReadable
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import ActionNotOffered, ReplyTooLarge, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from rack_controller.model.raw import RawView

MOST_BYTES = 4 << 20
"""What a message of the bus holds with room to spare: its bytes travel as base64."""


async def read_raw(sources: Mapping[Place, TelemetrySource], place: str, path: str) -> RawView:
    """Return what an endpoint answers to a GET of `path`.

    Raises TargetUnknown, ActionNotOffered (it has no documents, as on a serial line), and what the port raises.
    """
    source: object = sources.get(Place(place))
    if source is None:
        raise TargetUnknown(f"no endpoint {place!r}", advice="see `rackwright endpoint list`")
    if not isinstance(source, RawReadable):
        raise ActionNotOffered(
            place, "raw", "it has no documents", advice="only endpoints that speak Redfish have them"
        )
    body = await source.read_raw(path)
    if len(body) > MOST_BYTES:
        raise ReplyTooLarge(place, f"GET {path}", f"{len(body)} bytes, at most {MOST_BYTES} are passed on")
    return RawView(place, path, body)
