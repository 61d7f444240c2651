"""Which trays a plan leaves out because they must stay off, and when that leaves nothing that could be done.  Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.sequence import Sequence as PowerSequence
from rack_controller.decide.checks import judge_check
from rack_controller.model.layout import TrayView
from rack_controller.model.operation import PlannedCheck, PlannedStage
from rack_controller.model.snapshot import Snapshot

TOLD = 4  # reasons
_END_IT = "see `rackwright interlock list`, `bypass list` and `lock list`; end what stands there first"


def left_out_of(trays: Sequence[TrayView], kept_off: Mapping[Place, str]) -> dict[str, str]:
    """Return those of `trays` that must stay off, and why.  Raises PreconditionFailed when that is all of them."""
    found = {t.place: kept_off[Place(t.place)] for t in trays if Place(t.place) in kept_off}
    if found and len(found) == len(trays):
        raise PreconditionFailed(_words(found), advice=_END_IT)
    return found


def check_whole(
    stages: Sequence[PlannedStage], trays: Sequence[TrayView], sequence: PowerSequence, left_out: Mapping[str, str]
) -> None:
    """Refuse what would only fail at a gate: what follows a stage that a failure stops stands on every tray of it.

    `stages` are those that switch on, `trays` those that are left out.  Raises PreconditionFailed.
    """
    of = {stage.name: stage.of for stage in sequence.power_on}
    for number, stage in enumerate(stages):
        missing = {t.place: left_out[t.place] for t in trays if stage.stops and t.kind in of[stage.name]}
        needing = [s.title for s in stages[number + 1 :] if s.steps]
        if missing and needing:
            raise PreconditionFailed(f"{needing[0]} need {_words(missing)}", advice=_END_IT)


def check_apart(stages: Sequence[PlannedStage], snapshot: Snapshot, left_out: Mapping[str, str]) -> None:
    """Refuse a plan in which a tray that is left out stays as a later stage must not find it.

    Raises PreconditionFailed: switch trays do not go off under a host that nobody switches off.
    """
    for stage in stages:
        for check in stage.before:
            places = [p for p in check.places if tray_of(Place(p)) in left_out]
            judged = judge_check(msgspec.structs.replace(check, places=places, at_least=None), snapshot, {})
            if places and not judged.holds:
                raise PreconditionFailed(f"{judged.text}; {_words(left_out)}", advice=_END_IT)


def unasked(stage: PlannedStage, left_out: Mapping[str, str]) -> PlannedStage:
    """Return a stage that switches on, with checks that no longer ask trays that are left out."""
    if not left_out:
        return stage
    return msgspec.structs.replace(
        stage, before=_without(stage.before, left_out), after=_without(stage.after, left_out)
    )


def _without(checks: Sequence[PlannedCheck], left_out: Mapping[str, str]) -> list[PlannedCheck]:
    kept = [[p for p in check.places if tray_of(Place(p)) not in left_out] for check in checks]
    return [msgspec.structs.replace(c, places=places) for c, places in zip(checks, kept, strict=True) if places]


def _words(left_out: Mapping[str, str]) -> str:
    """Return why trays stay off: one reason once, however many trays it keeps off."""
    by_reason: dict[str, list[str]] = {}
    for place, why in left_out.items():
        by_reason.setdefault(why, []).append(leaf_of(Place(place)))
    told = [f"{', '.join(names)}, which must stay off: {why}" for why, names in list(by_reason.items())[:TOLD]]
    return "; ".join(told) + (f"; and {len(by_reason) - TOLD} more reasons" if len(by_reason) > TOLD else "")
