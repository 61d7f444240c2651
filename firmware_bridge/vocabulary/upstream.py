"""What feeds the racks of a site, as its file says it: nodes from the utility down, and where each rack's feeds end."""

from dataclasses import dataclass, field
from enum import StrEnum

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds, Watts

NOT_AT_ALL = Seconds(0.0)


class Sources(StrEnum):
    """How a node with several sources draws: from all alike, or from the first that lives (a transfer switch)."""

    SHARED = "shared"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class SupplyNode:
    """One utility entry, UPS, switchboard or busway.  `limit`: W it carries for hours; after another node was lost it
    carries `overload` times that for `overload_for` s.  `rating`: of the breaker that makes the limit, W, None where
    none was stated: then nothing is known of its heat."""

    name: str
    limit: Watts
    sources: tuple[str, ...] = ()
    drawn: Sources = Sources.SHARED
    overload: float = 1.0
    overload_for: Seconds = NOT_AT_ALL
    rating: Watts | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """Nodes, each after its sources; `racks`: of each rack its feeds, and the node that each hangs on."""

    nodes: tuple[SupplyNode, ...] = ()
    racks: dict[Place, dict[str, str]] = field(default_factory=dict)
