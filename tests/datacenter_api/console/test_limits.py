"""The card of power limits: what is shown and wanted, by whom, and why it is not raised."""

from datacenter_api.console.limits import LimitsState, draw_limits
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.limit import LimitRow, LimitState, SetPoint

TRAY = "lab1/a/r01/k01/u12"
WANTED = SetPoint(f"{TRAY}/gpu0", "e", 900.0, "ada <b>", 1, LimitState.APPLIED, 900.0)
LOST = SetPoint(f"{TRAY}/gpu1", "e", 600.0, "interlock flow.low", 1, LimitState.REQUESTED, 1200.0, "it keeps 1200 W")


def row(place: str, wanted: SetPoint | None = None, held: str = "") -> LimitRow:
    return LimitRow(place, "e", 200.0, 1200.0, None, 900.0, wanted, held)


def test_each_part_says_what_is_wanted_by_whom() -> None:
    rows = (row(f"{TRAY}/gpu0", WANTED), row(f"{TRAY}/gpu1", LOST), row("lab1/a/r01/k01/u13/gpu0", WANTED))
    drawn = draw_limits(TRAY, LimitsState(rows))
    assert "● 900 W applied, ada &lt;b&gt;" in drawn
    assert "▲ 600 W requested, interlock flow.low" in drawn
    assert "it keeps 1200 W" in drawn
    assert drawn.count("<tr") == 3
    assert "200 W to 1200 W" in drawn


def test_why_nothing_is_raised_stands_once_and_what_is_not_known_says_so() -> None:
    rows = tuple(row(f"{TRAY}/gpu{n}", held="Coolant flow low at k01") for n in range(4))
    assert draw_limits(TRAY, LimitsState(rows)).count("Not raised: Coolant flow low at k01") == 1
    assert "Not known: no answer" in draw_limits(TRAY, LimitsState(error="no answer"))
    assert "Asking the controller" in draw_limits(TRAY, None)
    assert "Nothing here has a limit" in draw_limits(f"{TRAY}x", LimitsState(rows))


def test_a_coolant_unit_shows_its_targets_in_their_units() -> None:
    unit = "lab1/a/r01/k01/u01"
    place, flow = f"{unit}/flow_target", Quantity.FLOW
    wanted = SetPoint(place, "e", 90.0, "ada", 1, LimitState.APPLIED, 90.0, quantity=flow)
    row = LimitRow(place, "e", 36.0, 110.0, None, 90.0, wanted, "Flow low at k01", flow)
    drawn = draw_limits(unit, LimitsState((row,)))
    assert "<h2>Coolant targets</h2>" in drawn
    assert "● 90 L/min applied, ada" in drawn
    assert "36 L/min to 110 L/min" in drawn
    assert "Not turned down: Flow low at k01" in drawn
