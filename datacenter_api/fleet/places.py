"""What a person typed, as a place that exists: in full, from the rack's name or from the tray on.  Guesses nothing."""

from datacenter_api.fleet.columns import tray_name
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.state import FleetState
from firmware_bridge.vocabulary.errors import BusUnavailable, ConfigurationError, TargetUnknown
from firmware_bridge.vocabulary.place import RACK_PARTS, Place, parse_place, rack_of, tray_of
from rack_controller.model.layout import IN_BAND, Layout, TrayView


def layout_of(record: RackRecord) -> Layout:
    """Return a rack's layout.  Raises BusUnavailable while nobody has said it."""
    if record.layout is None:
        raise BusUnavailable(f"the layout of {record.token} is not known yet", advice="wait for its controller")
    return record.layout


def in_full(record: RackRecord, text: str, fleet: FleetState | None = None) -> Place:
    """Return a place of this rack in full, given so, from the rack's name or from the tray on; it need not exist.

    Raises TargetUnknown for what is no place or lies in another rack; with `fleet` also for that one's short name.
    """
    layout, place = layout_of(record), _parsed(text)
    first, _, below = place.partition("/")
    if place.count("/") + 1 >= RACK_PARTS:
        if rack_of(place) != layout.rack:
            raise TargetUnknown(f"{place} is not in rack {layout.rack}", advice=f"ask rack {rack_of(place)}")
        return place
    if first == record.token:
        return _parsed(f"{layout.rack}/{below}" if below else layout.rack)
    if fleet is not None and (other := _named(fleet, first)) is not None:
        raise TargetUnknown(f"{place} is not in rack {layout.rack}", advice=f"ask rack {other.place or other.token}")
    return _parsed(f"{layout.rack}/{place}")


def place_in(record: RackRecord, text: str, fleet: FleetState | None = None) -> Place:
    """Return an existing place of this rack, given in full, with the rack's name or from the tray on (`u12/gpu2`).

    Raises TargetUnknown for what is no place, lies in another rack or does not exist in this one.
    """
    layout, place = layout_of(record), in_full(record, text, fleet)
    known = place == layout.rack or any(_holds(tray, record, place) for tray in layout.trays)
    if not known and not _is_read(record, place):
        raise TargetUnknown(f"nothing at {text!r} in rack {layout.rack}", advice="see `rackwright tray list`")
    return place


def endpoint_in(fleet: FleetState, text: str, rack: str | None = None) -> tuple[RackRecord, Place]:
    """Return an endpoint and its rack.  A tray stands for its endpoint when it is asked at only one
    besides its host's agent, a unit always.

    `rack` may be left out when `text` is a full place or begins with the rack's name, or when there is only one rack.
    Raises TargetUnknown, or ConfigurationError when several could be meant.
    """
    record = _rack_for(fleet, _parsed(text), rack)
    place = place_in(record, text, fleet)
    trays = layout_of(record).trays
    if any(endpoint.place == place for tray in trays for endpoint in tray.endpoints):
        return record, place
    enabled = [e for tray in trays if tray.place == place for e in tray.endpoints if e.enabled]
    outside = [e.place for e in enabled if e.protocol not in IN_BAND]
    asked = outside or [e.place for e in enabled]
    if not asked:
        asked = [e.place for tray in trays for e in tray.endpoints if any(u.place == place for u in e.units)]
    if not asked:
        raise TargetUnknown(f"{text!r} is no endpoint", advice="see `rackwright endpoint list`")
    if len(asked) > 1:
        names = ", ".join("/".join(p.split("/")[RACK_PARTS:]) for p in asked)
        raise ConfigurationError(f"{text!r} has {len(asked)} endpoints", advice=f"name one: {names}")
    return record, Place(asked[0])


def target_in(fleet: FleetState, text: str, rack: str | None = None) -> tuple[RackRecord, Place]:
    """Return a rack, or a place in one, and the rack.  Names and errors as in `endpoint_in`."""
    record = _rack_for(fleet, _parsed(text), rack)
    return record, place_in(record, text, fleet)


def tray_in(fleet: FleetState, text: str, rack: str | None = None) -> tuple[RackRecord, Place]:
    """Return the tray that a place is or lies in, and its rack.  Names and errors as in `endpoint_in`."""
    record = _rack_for(fleet, _parsed(text), rack)
    place = place_in(record, text, fleet)
    if place.count("/") + 1 <= RACK_PARTS:
        raise TargetUnknown(f"{text!r} is no tray", advice="see `rackwright tray list`")
    return record, tray_of(place)


def console_in(fleet: FleetState, text: str, rack: str | None = None) -> tuple[RackRecord, Place]:
    """Return a serial console and its rack; a tray stands for its only one.  Names and errors as in `endpoint_in`."""
    record = _rack_for(fleet, _parsed(text), rack)
    place = place_in(record, text, fleet)
    found = [c.place for t in layout_of(record).trays for c in t.consoles if place in (c.place, t.place)]
    if not found:
        raise TargetUnknown(f"{text!r} has no serial console", advice="see `rackwright console list`")
    if len(found) > 1:
        names = ", ".join("/".join(p.split("/")[RACK_PARTS:]) for p in found)
        raise ConfigurationError(f"{text!r} has {len(found)} consoles", advice=f"name one: {names}")
    return record, Place(found[0])


def _rack_for(fleet: FleetState, place: Place, rack: str | None) -> RackRecord:
    if rack is not None:
        return fleet.find(rack)
    if place.count("/") + 1 >= RACK_PARTS:
        return fleet.find(rack_of(place))
    named = _named(fleet, place.partition("/")[0])
    if named is not None:
        return named
    records = list(fleet)
    if len(records) != 1:
        known = ", ".join(r.place or r.token for r in records) or "none is known yet"
        raise ConfigurationError(f"which rack holds {place!r}?", advice=f"name one: {known}")
    return records[0]


def _named(fleet: FleetState, token: str) -> RackRecord | None:
    return next((record for record in fleet if record.token == token), None)


def _holds(tray: TrayView, record: RackRecord, place: Place) -> bool:
    if place == tray.place:
        return True
    if not place.startswith(f"{tray.place}/"):
        return False
    if any(place == console.place for console in tray.consoles):
        return True
    if any(place == e.place or any(place == u.place for u in e.units) for e in tray.endpoints):
        return True
    if any(place == f"{tray.place}/{c.name}{n}" for c in tray.components for n in range(c.count)):
        return True
    columns = record.columns
    lines = columns.by_tray.get(tray.place.rsplit("/", 1)[1], ()) if columns is not None else ()
    return columns is not None and any(columns.series[n].place == place for n in lines)


def _is_read(record: RackRecord, place: Place) -> bool:
    """Tell whether something is read at or below a place that is in no tray, such as what the building says."""
    columns = record.columns
    lines = () if columns is None else columns.by_tray.get(tray_name(place), ())
    found = () if columns is None else (columns.series[n].place for n in lines)
    return any(one == place or one.startswith(f"{place}/") for one in found)


def _parsed(text: str) -> Place:
    try:
        return parse_place(text)
    except ValueError as err:
        raise TargetUnknown(str(err)) from err
