"""A rack's building on the console: requested is not confirmed, what is not believed is said, nothing is markup."""

from typing import Any

import msgspec
from support.asked_building import asked_building, quiet_building

from datacenter_api.console.building import BuildingShown, draw_building, draw_building_line, isolation_lines
from datacenter_api.console.interlocks import banner_lines
from rack_controller.model.building_view import BuildingState, RefusedView

HOSTILE = "<script>alert(1)</script>"


def test_the_banner_tells_an_isolation_that_was_asked_for_and_whether_it_is_overdue(hall: Any) -> None:
    hall.racks["k01"].building = asked_building(hall.racks["k01"].place)
    hall.racks["k02"].building = quiet_building(hall.racks["k02"].place)
    racks, _ = hall.seen()
    (line,) = banner_lines([r.summary for r in racks])
    assert line.name == "k01"
    assert "liquid requested, not confirmed yet; electrical requested and confirmed" in line.text
    assert "overdue" not in line.text
    hall.racks["k01"].building = asked_building(hall.racks["k01"].place, overdue=True)
    racks, _ = hall.seen()
    assert "overdue: call the building" in isolation_lines([r.summary for r in racks])[0][3]


def test_the_card_is_there_only_where_a_building_is_agreed_with(hall: Any) -> None:
    racks, _ = hall.seen()
    assert draw_building_line(racks[0].summary) == ""
    assert draw_building_line(None) == ""
    hall.racks["k01"].building = quiet_building(hall.racks["k01"].place)
    racks, _ = hall.seen()
    drawn = draw_building_line(next(r.summary for r in racks if r.summary.name == "k01"))
    assert "no isolation is asked for" in drawn
    assert "1 of 2 points good" in drawn


def test_the_page_shows_every_point_and_what_was_not_believed() -> None:
    state = asked_building("lab1/a/r01/k01", overdue=True, silent="no heartbeat of the building for 40 s")
    drawn = draw_building(BuildingShown(state))
    for text in ("82.5 L/min", "quality: 0, 1 is good", "overdue", "requested and confirmed", "no heartbeat", "3×"):
        assert text in drawn
    assert "Asking" in draw_building(None)
    assert "Not known" in draw_building(BuildingShown(None, "no controller"))
    assert "no building" in draw_building(BuildingShown(BuildingState("k01", agreed=False)))


def test_what_a_building_says_is_never_markup() -> None:
    refused = [RefusedView(HOSTILE, HOSTILE, n, 1.0) for n in range(20)]
    state = msgspec.structs.replace(asked_building("k01"), refused=refused, identity=HOSTILE, silent=HOSTILE)
    drawn = draw_building(BuildingShown(state))
    assert HOSTILE not in drawn
    assert "and 12 topics more" in drawn
