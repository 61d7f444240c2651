"""People hear when an endpoint is asked less, cannot see leaks, or was never heard."""

from dataclasses import replace

from firmware_bridge.vocabulary.attention import Attention, Pacing
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.axes import Contact
from rack_controller.decide.notice_attention import TOLD_AFTER, notice_attention
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.board import Board

RACK = Place("lab1/a/r01/k01")
BMC = Place(f"{RACK}/u11/bmc")
PERIODS = {c: Seconds(1.0) for c in ReadingClass}


def at(now: float, attention: Attention = Attention()) -> Snapshot:  # noqa: B008 - frozen
    board = Board(RACK, [BMC], PERIODS)
    board.contacts[BMC] = Contact(Seconds(now))
    board.attentions[BMC] = attention
    return board.snapshot(1, Seconds(now), UnixNanoseconds(1))


def kinds(before: Snapshot | None, after: Snapshot) -> list[tuple[str, Severity, str]]:
    return [(f.kind, f.severity, f.message) for f in notice_attention(before, after)]


def test_nothing_out_of_the_ordinary_is_no_news() -> None:
    assert kinds(None, at(10)) == kinds(at(10), at(11)) == []


def test_an_endpoint_that_is_asked_less_is_told_with_why_and_for_how_long() -> None:
    quiet = Attention(Pacing.QUIET, Seconds(71.0), "ada wants it left alone: flash")
    text = "u11 bmc is asked less (quiet for 60 s): ada wants it left alone: flash"
    assert kinds(at(10), at(11, quiet)) == [("endpoint.spared", Severity.WARNING, text)]
    assert kinds(at(11, quiet), at(12, quiet)) == []
    assert [k for k, _, _ in kinds(at(11, quiet), at(12))] == ["endpoint.unspared"]


def test_a_controller_that_refuses_good_logins_is_told_of_once() -> None:
    flaky = Attention(reason="it refused a good login for no reason (401), 1× so far")
    text = "u11 bmc: it refused a good login for no reason (401), 1× so far"
    assert kinds(at(10), at(11, flaky)) == [("login.flaky", Severity.WARNING, text)]
    again = Attention(reason="it refused a good login for no reason (401), 2× so far")
    assert kinds(at(11, flaky), at(12, again)) == kinds(at(12, again), at(13)) == []


def test_a_tray_that_is_blind_to_leaks_is_told_also_at_the_start() -> None:
    blind = Attention(blind="its controller started only just now", blind_until=Seconds(151.0))
    ((kind, severity, text),) = kinds(None, at(11, blind))
    assert (kind, severity) == ("leak.blind", Severity.WARNING)
    assert "for 140 s" in text
    assert [k for k, _, _ in kinds(at(11, blind), at(12))] == ["leak.watching"]


def test_one_that_never_answered_is_told_once_with_its_reason() -> None:
    board = Board(RACK, [BMC], PERIODS)
    board.contacts[BMC] = replace(Contact(), error="LoginRefused: HTTP 401 for user root", failures=4)
    before, told = None, []
    for second in range(120):
        after = board.snapshot(second, Seconds(100.0 + second), UnixNanoseconds(1))
        told += [(second, f.kind, f.message) for f in notice_attention(before, after)]
        before = after
    ((when, kind, message),) = told
    assert (when, kind) == (TOLD_AFTER, "endpoint.absent")
    assert message.endswith("LoginRefused: HTTP 401 for user root")
