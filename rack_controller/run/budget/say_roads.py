"""Which road keeps a GPU's limit, and what Redfish alone would allow: for people."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from firmware_bridge.vocabulary.place import Place, tray_of
from rack_controller.model.power_view import HeldView, InBandView, LimitView
from rack_controller.run.budget.in_band import KEPT, STATES
from rack_controller.run.budget.two_roads import TwoRoads

IN_BAND, OUT_OF_BAND = "in band", "out of band"


def say_roads(held: Sequence[HeldView], roads: TwoRoads, hosts: Sequence[InBandView]) -> list[HeldView]:
    """Return who is held, with the road that keeps it there."""
    at = {place: n for n, place in enumerate(roads.roster.places)}
    until = {tray_of(Place(host.host)): host.until_unix_ns for host in hosts if host.state == KEPT}
    return [_on_its_road(gpu, roads, at[Place(gpu.place)], until.get(tray_of(Place(gpu.place)))) for gpu in held]


def _on_its_road(gpu: HeldView, roads: TwoRoads, at: int, until: int | None) -> HeldView:
    if until is None or not roads.live[at]:
        return msgspec.structs.replace(gpu, road=OUT_OF_BAND)
    stands = float(min(roads.standing[at], gpu.watts))
    return msgspec.structs.replace(gpu, road=IN_BAND, until_unix_ns=until, standing_w=stands)


def by_state(hosts: Sequence[InBandView]) -> dict[str, int]:
    """Return how many hosts stand how, every state named; nothing where no host could keep limits."""
    counts = Counter(host.state for host in hosts)
    return {state: counts[state] for state in STATES} if hosts else {}


def say_alone(limits: Sequence[LimitView], roads: TwoRoads) -> list[LimitView]:
    """Return limits with what can be asked of them by what was told over Redfish alone."""
    alone = roads.alone
    if alone is None:
        return list(limits)
    charged = {row.name: float(w) for row, w in zip(alone.rows, alone.step.charged.tolist(), strict=True)}
    return [msgspec.structs.replace(limit, out_of_band_w=charged.get(limit.name, limit.charged_w)) for limit in limits]
