"""What became of a pushed image, from its intent, its task and what the part runs now.  Pure.

An image is never sent again unless the device shows that it never began: the same start of its controller, and no
update that it did not remember before.  What cannot be told apart is held for a person.
"""

from dataclasses import dataclass

from firmware_bridge.vocabulary.firmware import FirmwareSight, UpdatePhase, UpdateSight
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.resolve import Resolution, Verdict
from rack_controller.model.effect import Effect, EffectState
from rack_controller.model.operation import PlannedPush


@dataclass(frozen=True, slots=True)
class PushTimes:
    """How long, in s: this process looks at it, nothing has been under way; `request`: nothing of ours still is."""

    waited: Seconds
    still: Seconds
    request: Seconds


def task_of(effect: Effect, sight: FirmwareSight | None) -> str:
    """Return the task of an effect: the one the device named, else the one that it did not remember before; or none."""
    if effect.task or sight is None:
        return effect.task
    return next((t for t in reversed(sight.tasks) if t not in effect.before.tasks), "")


def resolve_push(
    effect: Effect, push: PlannedPush, sight: FirmwareSight | None, task: UpdateSight | None, times: PushTimes
) -> Resolution:
    """Judge an open push.  `sight` is a look at the part, None when it did not answer or its task still runs; `task` is
    one at the update, None when there is none that is known.
    """
    if task is not None and task.phase is UpdatePhase.RUNNING:
        done = "" if task.percent is None else f", {task.percent} %"
        if times.waited >= push.within_s:
            return Resolution(Verdict.HELD, f"it is still being written after {push.within_s:g} s{done}")
        return Resolution(Verdict.WAIT, f"is being written{done}")
    if sight is None:
        if times.still >= push.back_s + times.request:
            return Resolution(Verdict.HELD, f"its controller does not answer; what {push.part} runs is not known")
        return Resolution(Verdict.WAIT, "its controller does not answer; it may be starting anew")
    part = sight.part(push.uri)
    version = "" if part is None else part.version
    if version in push.versions:
        return Resolution(Verdict.OBSERVED, f"{push.part} runs {version}; it was {push.was or 'not said'}")
    said = f"{push.part} runs {version or 'a version that it does not say'}"
    if task is not None and task.phase is UpdatePhase.FAILED:
        return Resolution(Verdict.UNSEEN, f"the device gave it up: {task.said or 'no reason given'}; {said}")
    if sight.running:
        return Resolution(Verdict.WAIT, "an update is under way there")
    late = times.still >= push.back_s + times.request
    if effect.state is EffectState.ANSWERED or task is not None:
        if not late:
            return Resolution(Verdict.WAIT, f"it was taken; {said} so far")
        return Resolution(Verdict.UNSEEN, f"it was taken, and {said}, not {' or '.join(push.versions)}")
    return _uncertain(effect, sight, version, said, late)


def _uncertain(effect: Effect, sight: FirmwareSight, version: str, said: str, late: bool) -> Resolution:
    """Nobody knows whether the device got the image, and it shows no update of it."""
    if not late:
        return Resolution(Verdict.WAIT, f"whether it got the image is not known; {said}")
    before = effect.before
    same_life = bool(before.controller_marker) and before.controller_marker == sight.controller_marker
    if same_life and sight.remembers and version == before.version:
        return Resolution(Verdict.REPEAT, f"{said}, and remembers no update since: it never got the image")
    return Resolution(Verdict.HELD, f"{said}; whether it got the image is not known")
