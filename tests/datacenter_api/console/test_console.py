"""The console's pure part: drawn to scale, every value has its place, states by word and shape, text escaped."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import msgspec
import pytest
from support.api import fill
from support.play import PlayedRack

from datacenter_api.console.cells import elevation_cells
from datacenter_api.console.elevation import U, draw_elevation, top_of
from datacenter_api.console.happened import draw_events
from datacenter_api.console.panel import draw_panel, find_tray, panel_cells
from datacenter_api.console.strips import draw_strips, strip_cells
from datacenter_api.console.wording import Cells, changes
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.summary import summarise
from datacenter_api.fleet.trays import axes_of
from datacenter_api.fleet.view import view_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.event import Event, Severity

NOW = Seconds(100.0)
HOSTILE = '"><script>alert(1)</script>'


def ids(drawing: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', drawing))


def cells_of(record: RackRecord, rack: PlayedRack, now: Seconds = NOW) -> Cells:
    record.hear_frame(rack.frame(), NOW)
    record.hear_state(rack.state(), NOW)
    summary = summarise(record, now)
    assert summary is not None
    return {**strip_cells(summary), **elevation_cells(rack.layout, summary, view_of(record, now))}


def test_the_elevation_is_well_formed_and_to_scale(rack: PlayedRack) -> None:
    tree = ET.fromstring(draw_elevation(rack.layout)).find("svg")
    assert tree is not None
    bodies = {g.get("id"): next(r for r in g if r.get("class") == "body") for g in tree.iter("g") if g.get("tabindex")}
    assert len(bodies) == 36
    for tray in rack.layout.trays:
        body = bodies[f"t-{tray.place.rsplit('/', 1)[1]}"]
        assert float(body.get("height", 0)) == tray.height_u * U - 2
        assert float(body.get("y", 0)) == top_of(tray.unit, tray.height_u, rack.layout.height_u) + 1
    assert top_of(1, 1, 48) > top_of(48, 1, 48), "unit 1 is at the floor"


def test_every_value_has_its_place_on_the_page(record: RackRecord, rack: PlayedRack) -> None:
    drawn = ids(draw_elevation(rack.layout)) | ids(draw_strips()) | {"live"}
    assert {at for at, _ in cells_of(record, rack)} <= drawn
    gpus = {i for i in drawn if re.fullmatch(r"c-u\d+-gpu\d", i)}
    assert len(gpus) == 72


def test_the_panels_values_have_their_places(record: RackRecord, rack: PlayedRack) -> None:
    tray = find_tray(rack.layout, "u12")
    assert tray is not None
    view = view_of(record, NOW)
    cells = panel_cells(tray, view, axes_of(record, NOW))
    assert {at for at, _ in cells} <= ids(draw_panel(tray, view))
    assert cells[("e-u12-0-management", "text")] == "⇄ reachable"
    assert cells[("e-u12-1-management", "text")] == "not asked"


def test_a_leak_an_absence_and_an_off_tray_are_told_by_word_and_shape(record: RackRecord, rack: PlayedRack) -> None:
    rack.set("u14/leak2", Quantity.LEAK, 2.0)
    rack.set("u31", Quantity.POWER_STATE, 0.0)
    rack.absent = {f"{rack.place}/u12/bmc"}
    cells = cells_of(record, rack)
    assert cells[("t-u14-leak", "text")] == "◆ LEAK"
    assert cells[("t-u14-alarm", "text")] == "◆"
    assert "leak critical" in cells[("t-u14", "label")]
    assert cells[("t-u31-state", "text")] == "○ off"
    assert cells[("t-u12-management", "text")] == "✕ absent"
    assert cells[("leakwhere", "text")] == "u14/leak2 critical"
    assert cells[("leak", "class")] == "pill critical"


def test_a_tray_without_a_current_reading_is_hatched_and_never_green(record: RackRecord, rack: PlayedRack) -> None:
    for line, series in enumerate(rack.table.series):
        if series.place.startswith(f"{rack.place}/u12"):
            rack.quality[line] = Quality.STALE
    cells = cells_of(record, rack)
    assert " stale" in cells[("t-u12", "class")]
    assert "alarm-ok" not in cells[("t-u12", "class")]
    assert cells[("t-u12-power", "text")] == "stale"
    assert cells[("c-u12-gpu0", "class")] == "cell unknown"
    assert " stale" not in cells[("t-u13", "class")]


def test_when_all_falls_silent_everything_is_hatched(record: RackRecord, rack: PlayedRack) -> None:
    cells = cells_of(record, rack, Seconds(NOW + 5.0))
    trays = [v for (at, what), v in cells.items() if what == "class" and at.startswith("t-") and at.count("-") == 1]
    assert len(trays) == 36
    assert all("stale" in v and "alarm-ok" not in v for v in trays)
    assert cells[("live", "text")] == "? stale"
    assert cells[("bar", "class")] == "unsure"


@pytest.mark.parametrize(("shelf_w", "word"), [(12_900.0, "fine"), (15_500.0, "tight"), (17_000.0, "over")])
def test_the_power_bar_warns_before_the_limit(record: RackRecord, rack: PlayedRack, shelf_w: float, word: str) -> None:
    for unit in (*range(6, 10), *range(39, 43)):
        rack.set(f"u{unit:02d}", Quantity.POWER, shelf_w)
    assert cells_of(record, rack)[("bar", "class")] == word


def test_only_changes_are_sent(record: RackRecord, rack: PlayedRack) -> None:
    before = cells_of(record, rack)
    rack.set("u12/gpu0", Quantity.TEMPERATURE, 77.0)
    news = changes(before, cells_of(record, rack))
    assert {at for at, _, _ in news} == {"c-u12-gpu0", "c-u12-gpu0-text", "c-u12-gpu0-title"}


def test_text_from_devices_is_escaped(rack: PlayedRack) -> None:
    trays = [msgspec.structs.replace(t, title=HOSTILE) for t in rack.layout.trays]
    hostile = msgspec.structs.replace(rack.layout, trays=trays)
    table = replace(rack.table, gauges=tuple(replace(s, label=HOSTILE) for s in rack.table.gauges))
    record = RackRecord("k01")
    fill(record, PlayedRack(hostile, rack.table), NOW)
    record.hear_table(table)
    event = Event("1", 1, rack.place, "k", Severity.OK, HOSTILE)
    drawn = draw_elevation(hostile) + draw_panel(trays[5], view_of(record, NOW)) + draw_events([event])
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
