"""Where among a rack's sources a port is: the one way to an endpoint, or to the endpoint of a tray, that offers it."""

from collections.abc import Mapping
from typing import TypeVar

from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of

Port = TypeVar("Port")


def find_source(sources: Mapping[Place, object], place: Place, port: type[Port]) -> tuple[Place, Port]:
    """Return the endpoint and the source that offers `port`: that at `place`, else the first one of the tray `place`.

    Raises TargetUnknown when nothing that is read does.
    """
    if place in sources:
        source = sources[place]
        if isinstance(source, port):
            return place, source
        raise TargetUnknown(f"{place} has no {_words(port)}")
    for endpoint, source in sources.items():
        if tray_of(endpoint) == place and isinstance(source, port):
            return endpoint, source
    raise TargetUnknown(
        f"{place} has no {_words(port)} that can be reached",
        advice=f"name a tray that is read, or enable the endpoint of {leaf_of(place)}'s controller",
    )


def trays_with(sources: Mapping[Place, object], port: type[Port]) -> dict[Place, tuple[Place, Port]]:
    """Return, by tray, the first endpoint and source of it that offers `port`."""
    found: dict[Place, tuple[Place, Port]] = {}
    for endpoint, source in sources.items():
        if isinstance(source, port):
            found.setdefault(tray_of(endpoint), (endpoint, source))
    return found


def _words(port: type[object]) -> str:
    """Return a port's name in words: `PowerSwitch` is a power switch."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in port.__name__).strip()
