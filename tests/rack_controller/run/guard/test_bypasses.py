"""Bypasses at work: signed by two, kept over a restart, nothing energised meanwhile, told when they are over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.bypass import HOUR_NS
from rack_controller.model.command import Command
from rack_controller.model.interlock import Act
from rack_controller.model.roles import Role
from rack_controller.run.guard.bypasses import Bypasses
from rack_controller.run.journal import Journal
from tests.support.interlocked import RACK
from tests.support.virtual_time import run_virtually
from tests.support.watched import Watched, carried

OPEN = {"do": "open", "reason": "broken", "hours": 2}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    journal = Journal(tmp_path / "journal.db")
    yield Watched(journal)
    journal.close()


def register(watched: Watched) -> Bypasses:
    now_ns = lambda: int(watched.rack.now * 1e9)  # noqa: E731
    made = Bypasses(watched.journal, RACK, watched.rack.policy, now_ns, watched.said.append)
    watched.bypasses = made.in_force
    watched.start()
    watched.tick(1)
    return made


def ask(made: Bypasses, watched: Watched, actor: str, target: str, **said: object) -> dict[str, object]:
    wish = Command("c", actor, Role.SAFETY, "bypass", target, 2**62, said)
    return made.command(wish, watched.guard.detectors(), watched.guard.trays())


def test_a_bypassed_detector_strikes_nothing_and_its_tray_stays_off_until_it_is_over(watched: Watched) -> None:
    async def story() -> None:
        made = register(watched)
        u31 = watched.rack.place("u31")
        ask(made, watched, "ada", f"{u31}/leak1", **OPEN)
        assert watched.guard.gate.forbids(u31) == "", "one person leaves nothing out"
        assert ask(made, watched, "bo", RACK, do="sign", bypass="k01-b1")["open"] is True
        watched.leak("u31/leak1", 2)
        watched.tick(2)
        assert await carried(watched) == []
        assert "left out by ada and bo: broken" in watched.guard.gate.forbids(u31)
        assert watched.guard.gate.forbids(watched.rack.place("u30")) == ""
        assert "left out by ada and bo: broken" in watched.guard.gate.keeps_off(u31)
        again = register(watched)
        assert [b.id for b in again.in_force()] == ["k01-b1"], "kept over a restart"
        watched.rack.now += 2 * HOUR_NS / 1e9
        watched.tick(1)
        assert (await carried(watched))[0].act is Act.FORCE_OFF, "what it said counts again"
        assert watched.kinds().count("bypass.over") == 1

    run_virtually(story())


def test_ended_by_a_person_it_counts_again(watched: Watched) -> None:
    async def story() -> None:
        made = register(watched)
        ask(made, watched, "ada", watched.rack.place("u31"), **OPEN, cause="leak.warning")
        ask(made, watched, "bo", RACK, do="sign", bypass="k01-b1")
        watched.rack.set("u31/leak1", Quantity.LEAK, 1)
        watched.tick(1)
        assert watched.guard.standings == {}
        ask(made, watched, "bo", RACK, do="end", bypass="k01-b1")
        watched.tick(1)
        assert ("leak.warning", watched.rack.place("u31")) in watched.guard.standings

    run_virtually(story())


def test_what_makes_no_sense_is_refused_with_the_reason(watched: Watched) -> None:
    async def story() -> None:
        made = register(watched)
        u31 = watched.rack.place("u31")
        with pytest.raises(TargetUnknown, match="no leak detector"):
            ask(made, watched, "ada", f"{u31}/gpu0", **OPEN)
        with pytest.raises(ArgumentsInvalid, match="there is no"):
            ask(made, watched, "ada", u31, do="forget")
        with pytest.raises(PreconditionFailed, match="1 to 24 hours"):
            ask(made, watched, "ada", f"{u31}/leak1", do="open", reason="x", hours=48)
        ask(made, watched, "ada", f"{u31}/leak1", **OPEN)
        with pytest.raises(PreconditionFailed, match="never two on one tray"):
            ask(made, watched, "ada", f"{u31}/leak0", **OPEN)
        with pytest.raises(PreconditionFailed, match="another person"):
            ask(made, watched, "ada", RACK, do="sign", bypass="k01-b1")
        with pytest.raises(TargetUnknown, match="no bypass"):
            ask(made, watched, "bo", RACK, do="sign", bypass="k01-b9")
        ask(made, watched, "ada", RACK, do="end", bypass="k01-b1")
        with pytest.raises(PreconditionFailed, match="is over"):
            ask(made, watched, "bo", RACK, do="end", bypass="k01-b1")

    run_virtually(story())
