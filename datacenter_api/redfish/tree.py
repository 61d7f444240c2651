"""Which URI is built by what: a trie of path parts, `{}` for any id.  Builds nothing itself."""

from collections.abc import Callable
from dataclasses import dataclass, field

from datacenter_api.redfish.shapes import ROOT, Body
from datacenter_api.redfish.world import World

READ = "GET, HEAD"
Builder = Callable[..., Body | None]


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of URI.  `build(world, uri, *ids)` returns the resource, None where there is no such thing.

    `allow` is what the resource takes.
    """

    build: Builder
    allow: str = READ


@dataclass(slots=True)
class _Node:
    below: dict[str, "_Node"] = field(default_factory=dict)
    route: Route | None = None


class Tree:
    """All routes of the service."""

    def __init__(self) -> None:
        self._top = _Node()

    def add(self, path: str, build: Builder, allow: str = READ) -> None:
        """Route `path` below the service root, e.g. `Chassis/{}/Sensors`."""
        node = self._top
        for part in path.split("/") if path else ():
            node = node.below.setdefault(part, _Node())
        if node.route is not None:
            raise ValueError(f"{path} is routed twice")
        node.route = Route(build, allow)

    def find(self, uri: str) -> tuple[Route, list[str]] | None:
        """Return the route of a URI and the ids in it, None for a path that nobody routed."""
        if not uri.startswith(ROOT):
            return None
        rest = uri[len(ROOT) :]
        if rest and rest[0] != "/":
            return None
        node, ids = self._top, []
        for part in rest[1:].split("/") if rest else ():
            below = node.below.get(part)
            if below is None:
                below = node.below.get("{}")
                if below is None:
                    return None
                ids.append(part)
            node = below
        return None if node.route is None else (node.route, ids)

    def build(self, world: World, uri: str) -> tuple[Body, str] | None:
        """Return the resource at a URI and what it allows, None where there is none."""
        found = self.find(uri)
        if found is None:
            return None
        route, ids = found
        body = route.build(world, uri, *ids)
        return None if body is None else (body, route.allow)
