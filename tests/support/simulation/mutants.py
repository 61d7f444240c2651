"""Deliberate bugs in the code that the simulation runs: each must be seen by some seed, or it proves nothing."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide import clearing, conditions, detectors, following, heard, interlock, leases, picture
from rack_controller.decide.drip import Drip
from rack_controller.decide.following import decide_following
from rack_controller.decide.leases import Standing
from rack_controller.model.lease import Facet, Lease, LeaseClass, Wish
from rack_controller.model.limit import SetPoint
from rack_controller.run import following as run_following
from rack_controller.run import set_points
from rack_controller.run.guard import gate, guard, hearing, latches, strike, strike_book
from rack_controller.run.operate import lease_book, ledger, operations, planning_unit, verbs
from support.simulation import life

Patch = pytest.MonkeyPatch
MUTANTS: dict[str, Callable[[Patch], None]] = {}


def mutant(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
    MUTANTS[plant.__name__] = plant
    return plant


@mutant
def strike_waits_for_a_maintenance_lock(patch: Patch) -> None:
    take = lease_book.LeaseBook.take

    def polite(self: lease_book.LeaseBook, wish: Wish, span: float = lease_book.LEASE_S) -> Lease:
        if wish.rank is LeaseClass.INTERLOCK and self.locks(Place(wish.endpoint.rpartition("/")[0])) is not None:
            raise PreconditionFailed("somebody works there")
        return take(self, wish, span)

    patch.setattr(lease_book.LeaseBook, "take", polite)


@mutant
def strike_asked_only_once(patch: Patch) -> None:
    patch.setattr(strike, "OFF_TAKES", 1e6)
    send = strike.Striker._send

    async def once(self: strike.Striker, *args: object) -> str:
        self._going[args[0], args[2]] = 1e9  # type: ignore[index, assignment]
        return await send(self, *args)  # type: ignore[arg-type]

    patch.setattr(strike.Striker, "_send", once)


@mutant
def latch_not_persisted(patch: Patch) -> None:
    patch.setattr(latches.Latches, "_keep", lambda _self, _latch: None)


@mutant
def detector_memory_not_sticky(patch: Patch) -> None:
    def forgetful(*args: object) -> detectors.Detector:
        return detectors.hear(*args)._replace(critical_since=None)  # type: ignore[arg-type]

    patch.setattr(hearing, "hear", forgetful)
    patch.setattr(heard, "hear", forgetful)


@mutant
def leaks_forgotten_over_a_restart(patch: Patch) -> None:
    see = guard.see
    patch.setattr(guard, "see", lambda *args: see(*args[:7]))


@mutant
def cleared_without_a_record(patch: Patch) -> None:
    why_not = clearing.why_not

    def lax(latch: object, rule: object, inspection: object, actor: str, *, holds: bool) -> str:
        why = why_not(latch, rule, inspection, actor, holds=holds)  # type: ignore[arg-type]
        return "" if "record lacks" in why else why

    patch.setattr(latches, "why_not", lax)


@mutant
def drip_map_ignored(patch: Patch) -> None:
    patch.setattr(picture, "falls_on", lambda _layout, tray, *_rest: Drip((tray,)))


@mutant
def epoch_not_checked(patch: Patch) -> None:
    patch.setattr(ledger.Ledger, "write", lambda self, changes: self.journal.transact(changes) and None)


@mutant
def intent_written_after_the_request(patch: Patch) -> None:
    write = ledger.Ledger.write

    def late(self: ledger.Ledger, changes: Sequence[ledger.Change]) -> None:
        write(self, [change for change in changes if not change[0].startswith("INSERT INTO effect")])

    patch.setattr(ledger.Ledger, "write", late)


@mutant
def latches_not_asked_about_by_who_energises(patch: Patch) -> None:
    patch.setattr(gate.Gate, "forbids", lambda _self, _place: "")


@mutant
def unknown_taken_for_dry(patch: Patch) -> None:
    patch.setattr(gate.Gate, "_unsure", lambda _self, _tray: [])


@mutant
def locks_not_asked_about(patch: Patch) -> None:
    patch.setattr(lease_book.LeaseBook, "standing", _unlocked(lease_book.LeaseBook.standing))


def _unlocked(standing: Callable[..., Standing]) -> object:
    return lambda *args: replace(standing(*args), lock=None)


@mutant
def the_end_of_a_strike_is_written_only_once(patch: Patch) -> None:
    settled = strike_book.StrikeBook._settled
    patch.setattr(strike_book.StrikeBook, "_settled", lambda self, effect, _refused: settled(self, effect, None))


@mutant
def what_a_refused_step_had_asked_for_is_left_open(patch: Patch) -> None:
    def refuse(*_args: object) -> Lease:
        raise PreconditionFailed("there is no other lease")

    patch.setattr(operations, "Lease", refuse)


@mutant
def locks_are_looked_at_only_when_a_step_begins(patch: Patch) -> None:
    standing = lease_book.LeaseBook.standing

    def check(self: lease_book.LeaseBook, lease: Lease) -> None:
        patched = replace(standing(self, Place(lease.wish.endpoint), lease.wish.direction), lock=None)
        if why := self.lost(lease) or leases.forbidden(lease.wish, patched):
            raise PreconditionFailed(why)

    patch.setattr(lease_book.LeaseBook, "check", check)


@mutant
def what_a_full_disk_refused_is_not_written_down_later(patch: Patch) -> None:
    patch.setattr(set_points.SetPoints, "_unkept", property(lambda _self: set(), lambda _self, _value: None))


@mutant
def silence_taken_for_a_fault(patch: Patch) -> None:
    def hasty(pic: picture.Picture, _row: object, tray: picture.TraySight) -> str:
        return "it is silent" if tray.met and not tray.answers else ""

    patch.setitem(conditions._TRAY, conditions.Condition.DETECTORS_ALL_FAULTY, hasty)  # type: ignore[arg-type]


@mutant
def shelves_are_struck_without_waiting(patch: Patch) -> None:
    patch.setattr(interlock, "_time_has_come", lambda *_args: True)


@mutant
def caps_go_out_before_they_are_written(patch: Patch) -> None:
    def remembered(self: set_points.SetPoints, points: list[SetPoint], **_how: bool) -> None:
        self._wanted |= {point.place: point for point in points}

    patch.setattr(set_points.SetPoints, "_keep", remembered)


@mutant
def caps_are_not_asked_for_again(patch: Patch) -> None:
    patch.setattr(set_points.SetPoints, "_again", lambda *_args: None)


@mutant
def caps_raise_what_nobody_wrote_down(patch: Patch) -> None:
    patch.setattr(
        run_following,
        "decide_following",
        lambda share, trays, points, wanted, _shown, holder: decide_following(share, trays, points, wanted, {}, holder),
    )


@mutant
def caps_go_back_while_flow_is_not_proven(patch: Patch) -> None:
    patch.setattr(following, "_is_proven", lambda _rung, _loop: True)
    patch.setattr(following, "can_be_judged", lambda _picture, _row: True)


@mutant
def caps_go_back_at_once(patch: Patch) -> None:
    back = following.back_after

    def hasty(*args: object) -> float | None:
        return None if back(*args) is None else 0.0  # type: ignore[arg-type]

    patch.setattr(life, "back_after", hasty)


@mutant
def what_the_building_did_is_not_looked_at(patch: Patch) -> None:
    patch.setitem(conditions._RACK, conditions.Condition.ISOLATED_NOT_OFF, lambda *_args: "")  # type: ignore[arg-type]


@mutant
def strike_waits_for_a_flash(patch: Patch) -> None:
    take = lease_book.LeaseBook.take

    def patient(self: lease_book.LeaseBook, wish: Wish, span: float = lease_book.LEASE_S) -> Lease:
        flash = self._held.get((wish.endpoint, Facet.FIRMWARE))
        if wish.rank is LeaseClass.INTERLOCK and flash is not None and flash.until > self.clock.now():
            raise PreconditionFailed("its firmware is being written")
        return take(self, wish, span)

    patch.setattr(lease_book.LeaseBook, "take", patient)


@mutant
def a_unit_is_not_looked_at_again_before_its_request(patch: Patch) -> None:
    patch.setattr(planning_unit.UnitPlanning, "forbids", lambda _self, _wish: "")


@mutant
def trays_go_on_without_coolant(patch: Patch) -> None:
    patch.setattr(planning_unit.UnitPlanning, "stands", lambda _self, _tray: "")


@mutant
def one_person_overrules_heat(patch: Patch) -> None:
    patch.setattr(verbs, "why_not_approved", lambda _operation, _actor, _now_ns: None)


@mutant
def coolant_that_the_building_closed_keeps_nothing_off(patch: Patch) -> None:
    patch.setitem(conditions._RACK, conditions.Condition.ISOLATED, lambda *_args: "")  # type: ignore[arg-type]
