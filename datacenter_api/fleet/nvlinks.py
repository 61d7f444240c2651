"""What a rack's newest frame says of both ends of its NVLinks, as the judgement of domains takes it.  Pure."""

from collections.abc import Iterable

import numpy as np

from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.place import Place, join_place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, name_of
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.domain import RackEnds
from rack_controller.model.layout import Layout
from rack_controller.model.wiring import Wiring, wirings_of

PARTITIONS = "nvos_partitions"


def ends_of(record: RackRecord, layout: Layout, view: RackView | None, domain: str, now: Seconds) -> RackEnds | None:
    """Return both ends of one domain's links in one rack; None when the generation does not say how it is wired.

    Only values that are good now are in it: a silent rack has none.
    """
    wiring = next((w for w in wirings_of(layout) if w.domain == domain), None)
    if wiring is None:
        return None
    if view is None or not record.live(now):
        return RackEnds(wiring, live=False)
    seen, down, unread = _ports(wiring, view)
    return RackEnds(
        wiring,
        True,
        seen,
        tuple(down),
        tuple(unread),
        _whole(view, wiring.switches, Quantity.NVLINKS_SLOW),
        _words(view, wiring.switches, Quantity.FABRIC_MANAGER),
        {Place(e.place): e.version for e in record.endpoints if e.version and tray_of(Place(e.place)) in seen},
        _whole(view, wiring.switches, Quantity.PARTITION_GPUS),
        {
            tray_of(place): word
            for place, word in _words(
                view, (join_place(t, PARTITIONS) for t in wiring.switches), Quantity.HEALTH
            ).items()
        },
        _of_gpus(view, wiring),
        _words(view, wiring.gpus, Quantity.FABRIC_STATE),
        tuple(w for w in record.worn if tray_of(Place(w.place)) in wiring.switches),
    )


def _ports(wiring: Wiring, view: RackView) -> tuple[dict[Place, int], list[Place], list[Place]]:
    """Return how many ports of each tray are known, which of them are down, and which are listed but unknown now.

    A tray of which no port is known is not in the first: it is not seen at all.
    """
    lines = view.columns.by_quantity.get(Quantity.LINK)
    if lines is None:
        return {}, [], []
    good = view.quality[lines] == Quality.GOOD
    series = view.columns.series
    seen: dict[Place, int] = {}
    unread: list[Place] = []
    trays = set(wiring.switches)
    for line, known in zip(lines.tolist(), good.tolist(), strict=True):
        place = series[line].place
        tray = Place(place.rpartition("/")[0])
        if tray not in trays:
            continue
        if known:
            seen[tray] = seen.get(tray, 0) + 1
        else:
            unread.append(place)
    down = lines[good & (view.values[lines] == 0.0)]
    return (
        {tray: seen[tray] for tray in wiring.switches if tray in seen},
        [place for n in down.tolist() if tray_of(place := series[n].place) in trays],
        [place for place in unread if tray_of(place) in seen],
    )


def _of_gpus(view: RackView, wiring: Wiring) -> dict[Place, int]:
    """Return how many links each GPU says are up: its driver where an agent tells of it, else its BMC."""
    outside = _whole(view, wiring.gpus, Quantity.NVLINK_PORTS_UP)
    return outside | _whole(view, wiring.gpus, Quantity.NVLINKS_UP)


def _whole(view: RackView, places: Iterable[Place], quantity: Quantity) -> dict[Place, int]:
    found = ((place, view.number(place, quantity)) for place in places)
    return {p: int(value) for p, (value, word) in found if value is not None and word == "good" and np.isfinite(value)}


def _words(view: RackView, places: Iterable[Place], quantity: Quantity) -> dict[Place, str]:
    found = ((place, view.number(place, quantity)) for place in places)
    return {p: name_of(quantity, value) for p, (value, word) in found if value is not None and word == "good"}
