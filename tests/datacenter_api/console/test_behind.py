"""What stands behind an endpoint, in the table of endpoints: state by shape and word, the reason beside it."""

from datacenter_api.console.panel import draw_endpoints, endpoint_cells
from datacenter_api.fleet.trays import Axes
from rack_controller.model.layout import EndpointView, TrayView

PLACE = "lab1/a/r01/k01/u12"


def tray(subtree: str | None) -> TrayView:
    endpoint = EndpointView(f"{PLACE}/bmc", "redfish", "192.0.2.1:443", True, subtree)
    return TrayView(PLACE, "compute", "Tray", 12, 1, 0, [], [endpoint], [], None, None, None)


def axes(state: str, why: str) -> dict[str, Axes]:
    at = Axes(f"{PLACE}/bmc", "on", "reachable", 1.0, 0.5, "", 0, 0.1)
    return {
        at.place: Axes(*(getattr(at, n) for n in at.__slots__[:8]), subtree="hmc", subtree_state=state, subtree_why=why)
    }


def test_a_board_that_is_gone_has_its_own_cell_with_the_reason() -> None:
    drawn, cells = draw_endpoints(tray("hmc")), endpoint_cells(tray("hmc"), axes("absent", "its resources answer 404"))
    assert "Behind it" in drawn
    assert 'id="e-u12-0-subtree"' in drawn
    assert cells["e-u12-0-subtree", "text"] == "hmc ✕ absent"
    assert cells["e-u12-0-subtree", "title"] == "its resources answer 404"
    assert cells["e-u12-0-subtree", "class"] == "axis absent"
    assert endpoint_cells(tray("hmc"), axes("partial", ""))["e-u12-0-subtree", "class"] == "axis degraded"


def test_a_tray_with_nothing_behind_its_endpoints_has_no_such_column() -> None:
    assert "Behind it" not in draw_endpoints(tray(None))
    assert not any("subtree" in at for at, _ in endpoint_cells(tray(None), axes("", "")))
