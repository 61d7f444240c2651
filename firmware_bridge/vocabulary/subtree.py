"""A part behind an endpoint that lives and dies on its own: an accelerator board with a controller behind the BMC."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity


@dataclass(frozen=True, slots=True)
class Subtree:
    """What a driver found of it: `roots` are its resources' URIs, `series` what is read from below them.

    Both are empty when the endpoint shows nothing of it now; whether something should be there is for others to say.
    """

    roots: tuple[str, ...] = ()
    series: frozenset[tuple[Place, Quantity]] = frozenset()

    def holds(self, uri: str) -> bool:
        """Return whether a resource lies in it."""
        return any(uri == root or uri.startswith(root + "/") for root in self.roots)
