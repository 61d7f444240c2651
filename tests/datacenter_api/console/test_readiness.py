"""The readiness card of a tray's page: what is wrong stands first, with both sides; nothing a device says is markup."""

import re

import pytest

from datacenter_api.console.readiness import ReadinessState, draw_readiness
from rack_controller.model.readiness import Judgement, PartSeen, PartView, Readiness, Ready, Verdict

BMC = "lab1/a/r01/k01/u12/bmc"
RIGHT = Judgement("ipmi", "IPMI is off", "false", "false", Verdict.OK, required=True)
WRONG = Judgement("power_restore", "Stays off", "AlwaysOn", "AlwaysOff", Verdict.DIFFERS, required=True, why="set it")
OPEN = Judgement("clock", "Its clock agrees", "", "within 5 s", Verdict.UNKNOWN, required=True)
OPTIONAL = Judgement("subscriptions", "Nobody else", "10.0.0.9", "none", Verdict.DIFFERS, required=False)


def card(ready: Ready, *judgements: Judgement, error: str = "", history: tuple[PartSeen, ...] = ()) -> str:
    found = Readiness(BMC, ready, list(judgements), PartView("S-2"), list(history), 1, 3.0, error)
    return draw_readiness(BMC, ReadinessState(found))


def test_what_is_wrong_stands_first_and_shows_both_sides() -> None:
    drawn = card(Ready.BLOCKED, RIGHT, OPEN, WRONG)
    titles = re.findall(r'<td title="[^"]*">([^<]*)', drawn)
    assert titles == ["▲ Stays off", "? Its clock agrees", "● IPMI is off"]
    assert "<td>AlwaysOn</td><td>AlwaysOff</td>" in drawn
    assert "▲ not ready" in drawn
    assert "set it" in drawn
    assert drawn.count('class="sev-warning"') == 1


@pytest.mark.parametrize(
    ("ready", "pill"),
    [(Ready.READY, "● ready"), (Ready.BLOCKED, "▲ not ready"), (Ready.UNKNOWN, "? not known")],
)
def test_the_verdict_is_told_by_text_and_shape(ready: Ready, pill: str) -> None:
    assert pill in card(ready, RIGHT)


def test_what_is_not_required_warns_of_nothing() -> None:
    drawn = card(Ready.READY, OPTIONAL)
    assert "(not required)" in drawn
    assert 'class="sev-warning"' not in drawn


def test_the_part_and_the_one_before_it_are_named_and_a_failed_look_too() -> None:
    history = (PartSeen("S-2", 5), PartSeen("S-1", 1, 5))
    drawn = card(Ready.READY, RIGHT, error="EndpointUnreachable: no reply", history=history)
    assert "serial S-2, before it S-1" in drawn
    assert "the last look failed: EndpointUnreachable: no reply" in drawn


def test_not_asked_yet_nothing_asked_and_not_known_are_three_things() -> None:
    assert "Asking the controller" in draw_readiness(BMC, None)
    assert "asks nothing" in card(Ready.READY)
    assert "Not known: the bus is away" in draw_readiness(BMC, ReadinessState(None, "the bus is away"))


def test_nothing_that_a_device_says_is_markup() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    said = Judgement("x", hostile, hostile, hostile, Verdict.DIFFERS, required=True, where=f'"{hostile}', why=hostile)
    drawn = card(Ready.BLOCKED, said, error=hostile, history=(PartSeen(hostile, 1, 2),))
    assert "<img" not in drawn
    assert "&lt;img" in drawn
