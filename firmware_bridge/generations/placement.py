"""Placements of a generation become slots; refuses overlaps, unknown trays, feeds and domains, units off the rack."""

from firmware_bridge.generations.schema import PlacementFile, RackFile
from firmware_bridge.vocabulary.generation import Slot, TrayType
from firmware_bridge.wire.located_yaml import Located


def place_trays(document: Located, file: RackFile, trays: dict[str, TrayType]) -> tuple[Slot, ...]:
    """Return every slot, bottom up.  Raises FileInvalid."""
    feeds, domains = {f.name for f in file.feeds}, {d.name for d in file.domains}
    taken: dict[int, str] = {}
    counted: dict[str, int] = {}
    slots: list[Slot] = []
    for n, placement in enumerate(file.placements):
        path = f"placements[{n}]"
        tray = trays.get(placement.tray)
        if tray is None:
            raise document.complaint(f"{path}.tray", f"expected one of {', '.join(sorted(trays))}")
        if placement.domain is not None and placement.domain not in domains:
            raise document.complaint(f"{path}.domain", f"expected one of {', '.join(sorted(domains))}")
        unknown = {f for each in placement.feeds for f in each} - feeds
        if unknown:
            raise document.complaint(f"{path}.feeds", f"expected feeds out of {', '.join(sorted(feeds))}")
        for unit in _units(document, path, placement, tray.height_u):
            for u in range(unit, unit + tray.height_u):
                if not 1 <= u <= file.height_u:
                    raise document.complaint(f"{path}.units", f"expected units 1 to {file.height_u}, got {u}")
                if u in taken:
                    raise document.complaint(f"{path}.units", f"expected free units, U{u} already holds {taken[u]}")
                taken[u] = placement.tray
            index = counted.get(placement.tray, 0)
            counted[placement.tray] = index + 1
            own = placement.feeds[index % len(placement.feeds)] if placement.feeds else []
            slots.append(Slot(f"u{unit:02d}", unit, tray, index, tuple(own), placement.domain))
    return tuple(sorted(slots, key=lambda s: s.unit))


def _units(document: Located, path: str, placement: PlacementFile, height: int) -> list[int]:
    units: list[int] = []
    for entry in placement.units:
        low, _, high = str(entry).partition("-")
        if not low.isdigit() or (high and not high.isdigit()):
            raise document.complaint(f"{path}.units", f"expected a unit (11) or a run (11-18), got {entry!r}")
        units.extend(range(int(low), int(high or low) + 1, height))
    return units
