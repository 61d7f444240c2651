"""Units on a serial line: each has a management of its own, and silence about it is not reachable."""

import msgspec
import pytest
from support.play import PlayedRack, played_rack

from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.trays import axes_of
from datacenter_api.fleet.units import unit_rows
from datacenter_api.fleet.view import view_of
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import EndpointView, UnitView
from rack_controller.model.table import make_table

NOW = Seconds(100.0)


@pytest.fixture
def rack() -> PlayedRack:
    """A rack whose first shelf has a unit of its own, as a serial shelf has."""
    plain = played_rack()
    own = Series(Place(f"{plain.place}/u06/psu0"), Quantity.MANAGEMENT, ReadingClass.SAFETY)
    return PlayedRack(plain.layout, make_table(Place(plain.place), [*plain.table.series, own]))


def shown(rack: PlayedRack, heard_at: Seconds = NOW) -> dict[str, str]:
    tray = f"{rack.place}/u06"
    endpoint = msgspec.structs.replace(
        next(e for t in rack.layout.trays if t.place == tray for e in t.endpoints),
        units=[UnitView(f"{tray}/psu0", 0x90, ["orv3-hpr-psu"]), UnitView(tray, 0x20, ["orv3-hpr-pmm-psu"])],
    )
    record = RackRecord(rack.name, rack.layout)
    record.hear_table(rack.table)
    record.hear_frame(rack.frame(), heard_at)
    record.hear_state(rack.state(), heard_at)
    assert isinstance(record.columns, Columns)
    assert isinstance(endpoint, EndpointView)
    rows = unit_rows(endpoint, view_of(record, NOW), axes_of(record, NOW))
    return {r.place.removeprefix(rack.place + "/"): r.management for r in rows}


@pytest.mark.parametrize(("code", "word"), [(2.0, "reachable"), (1.0, "degraded"), (0.0, "absent")])
def test_a_unit_says_for_itself_whether_it_answers(rack: PlayedRack, code: float, word: str) -> None:
    rack.set("u06/psu0", Quantity.MANAGEMENT, code)
    assert shown(rack) == {"u06/psu0": word, "u06": "reachable"}


def test_silence_is_unknown(rack: PlayedRack) -> None:
    rack.set("u06/psu0", Quantity.MANAGEMENT, 2.0)
    assert shown(rack, Seconds(NOW - 60.0)) == {"u06/psu0": "unknown", "u06": "unknown"}
    rack.set("u06/psu0", Quantity.MANAGEMENT, None)
    assert shown(rack)["u06/psu0"] == "unknown"
