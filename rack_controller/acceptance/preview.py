"""What a run would do before it begins: its steps with what is done in each, how long, by whom, and what it lacks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.begin import PLAN
from rack_controller.acceptance.called import Names, kinds_with_firmware
from rack_controller.acceptance.drive import ALONE, places_of, planned_seconds
from rack_controller.acceptance.floor import noted, read_checks
from rack_controller.acceptance.least_time import MOST_LOOKS, Took, least_times, rounds_of
from rack_controller.acceptance.left_out import LeftOut
from rack_controller.acceptance.live import FACTS, Read, by_series, live_parts
from rack_controller.acceptance.one_run import Holder
from rack_controller.acceptance.pace import done_in
from rack_controller.acceptance.plans import plan_path, read_plan, read_plan_text
from rack_controller.prove.accept.floor_form import readings_form, records_form
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import Level, PhaseSpec, Plan, StepSpec
from rack_controller.prove.accept.untold import FloorNeed, Untold, floor_needs, untold

_DOES = {
    "pull": "{} off and on again",
    "wet": "{} wetted and dried",
    "load": "{} at work alone",
    "load_gpu": "{} at work alone",
    "stop": "{} stopped and started",
    "drill": "a leak rehearsed at {}",
    "cycle_ac": "both feeds off and on again",
    "restart_controller": "the rack's controller ended and started again",
}
MOST_NAMED = 3
_NAMES = {
    "psu": "supplies",
    "shelf": "shelves",
    "leak": "leak detectors",
    "gpu": "GPUs of every tray",
}


class StepPreview(msgspec.Struct, frozen=True):
    """One step as it would be done: `does` in words, `seconds` that it takes at least, `people` what they do.

    `apart_s`, `heard_s`: how much of that passes between switchings of the bus, and until things are read anew; nothing
    of a virtual rack.  `took_s`: how long it took in earlier runs, None where none is kept;
    `done_sha256`: of what is done in it, by which they are told.
    """

    id: str
    title: str
    level: str
    required: bool
    seconds: float
    does: list[str]
    people: str
    measures: int
    apart_s: float = 0.0
    heard_s: float = 0.0
    took_s: float | None = None
    done_sha256: str = ""


CLEAR_IT = "clear it first (`rackwright interlock clear`): what it keeps off is judged as if it were broken"


class RunPreview(msgspec.Struct, frozen=True):
    """What a run would do.  `untold`: measures that can only end as errors; `floor`: what is to be handed in.

    `racks`: of racks together, what each of them lacks; the two lists above are then of all of them.  `taken`: which
    run has a rack now: while it does no other begins.  `left`: what the run before took away and did not put back;
    `latched`: the latches that stand at a rack, in words.  `took`: which earlier runs `took_s` is of, in words; empty
    where no run of these racks or of their design that did the same is kept.
    """

    generation: str
    plan: str
    title: str
    level: str
    seconds: float
    steps: list[StepPreview]
    untold: list[Untold]
    floor: list[FloorNeed]
    racks: list["RackLacks"] = []
    taken: list[Holder] = []
    left: list[LeftOut] = []
    latched: list[str] = []
    took: str = ""

    @property
    def expected_s(self) -> float:
        """Return how long it takes as far as anybody knows: steps as they took before, the others at the least."""
        return sum(s.seconds if s.took_s is None else s.took_s for s in self.steps)


class RackLacks(msgspec.Struct, frozen=True):
    """What one of several racks lacks.  `held`: why it may not begin yet and what to do, empty where it may."""

    rack: str
    untold: list[Untold]
    floor: list[FloorNeed]
    held: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a rack that runs tells: its readings, the checks of which its floor has handed in records, the series that
    instruments log of it by themselves, and the shelves and supplies that the product can switch there."""

    reads: Sequence[Read]
    noted_kinds: Collection[str] = ()
    logged: Collection[str] = ()
    switched: Collection[str] = ()


def preview_together(
    generation: str,
    racks: Mapping[str, Told],
    plan: Path | None = None,
    plan_text: str = "",
    held: Callable[[str, Plan, str], str] = lambda rack, plan, plan_sha256: "",
    search: Sequence[Path] = (),
) -> RunPreview:
    """Return what a run of racks together at L12 would do, and what each lacks.

    `held` returns why a rack may not begin such a plan, with its SHA-256, yet, empty where it may.  `search`: folders
    with generations of one's own.
    Raises what `preview` raises.
    """
    made, found, digest = _read(generation, plan, plan_text, search)
    parts = live_parts(made)
    steps = _steps(made, found, found.upto(Level.L12, together=True), parts, list(racks.values()))
    lacks = [
        RackLacks(rack, *_lacks(made, found, Level.L12, parts, told, together=True), held(rack, found, digest))
        for rack, told in racks.items()
    ]
    lacking = list({(u.step, u.measure, u.what): u for rack in lacks for u in rack.untold}.values())
    needs = list({(n.step, n.name): n for rack in lacks for n in rack.floor}.values())
    seconds = sum(s.seconds for s in steps)
    return RunPreview(made.name, found.name, found.title, Level.L12.value, seconds, steps, lacking, needs, lacks)


def preview(
    generation: str,
    level: str,
    plan: Path | None = None,
    reads: Sequence[Read] | None = None,
    noted_kinds: Collection[str] = (),
    plan_text: str = "",
    logged: Collection[str] = (),
    switched: Collection[str] = (),
    search: Sequence[Path] = (),
) -> RunPreview:
    """Return what a run would do; of a rack that runs with its `reads`, None for a virtual one, which lacks nothing.

    `noted_kinds`, `logged`, `switched`: as of `Told`; `plan_text`: a plan that comes as text; `search`: folders with
    generations of one's own.
    Raises ConfigurationError and FileInvalid for a generation or a plan that nobody can begin with.
    """
    made, found, _ = _read(generation, plan, plan_text, search)
    parts = live_parts(made)
    told = None if reads is None else Told(reads, noted_kinds, logged, switched)
    steps = _steps(made, found, found.upto(Level(level)), parts, [told] if told else [])
    lacking, needs = ([], []) if told is None else _lacks(made, found, Level(level), parts, told)
    seconds = sum(s.seconds for s in steps)
    return RunPreview(made.name, found.name, found.title, level, seconds, steps, lacking, needs)


def _read(generation: str, plan: Path | None, plan_text: str, search: Sequence[Path]) -> tuple[Generation, Plan, str]:
    """Return a generation, the plan and the SHA-256 of its whole text."""
    made = load_generation(generation, search)
    if plan_text:
        return made, *read_plan_text(plan_text, PLAN, search)
    return made, *read_plan(plan or plan_path(made.name, search), search)


def _lacks(
    made: Generation, plan: Plan, level: Level, parts: Parts, told: Told, *, together: bool = False
) -> tuple[list[Untold], list[FloorNeed]]:
    """Return what of a plan nothing at a rack tells, and what its floor is to hand in."""
    checks = read_checks()
    series, _ = by_series([r for r in told.reads if r.value is not None], Names(parts))
    facts = _told_by(made)
    lacking = untold(plan, level, {*series, *checks.instruments}, facts | checks.facts, together=together)
    return lacking, floor_needs(
        plan, level, {*series, *told.logged}, facts, checks, told.noted_kinds, together=together
    )


def form(
    generation: str,
    level: str,
    reads: Sequence[Read],
    *,
    plan: Path | None = None,
    plan_text: str = "",
    readings: bool = False,
    search: Sequence[Path] = (),
) -> bytes:
    """Return the CSV that a plan wants of the floor of a rack that runs, with its `reads`, to be filled in.

    `readings`: of what instruments log, else of records.  Raises what `preview` raises.
    """
    made, found, _ = _read(generation, plan, plan_text, search)
    parts, checks = live_parts(made), read_checks()
    if not readings:
        return records_form(found, Level(level), _told_by(made), checks, parts)
    series, _ = by_series([r for r in reads if r.value is not None], Names(parts))
    return readings_form(found, Level(level), series, checks, parts)


def _told_by(generation: Generation) -> frozenset[str]:
    """Return the facts that racks of a generation tell; of firmware also which parts tell it."""
    return FACTS | _settings_of(generation) | {f"{kind}.firmware" for kind in kinds_with_firmware()}


def noted_kinds(state: Path, rack: str) -> frozenset[str]:
    """Return the checks of which the floor has handed in records of a rack."""
    return frozenset(n.kind for n in noted(state, rack))


def _settings_of(generation: Generation) -> frozenset[str]:
    """Return the names of all settings that endpoints of a generation are looked at for."""
    specs = [spec for slot in generation.slots for spec in slot.tray.endpoints]
    return frozenset(setting.name for spec in specs for setting in spec.settings)


def _steps(
    made: Generation, plan: Plan, chosen: Sequence[StepSpec], parts: Parts, racks: Sequence[Told]
) -> list[StepPreview]:
    """Return steps as they would be done at racks that run, as long as the slowest of them takes; none: at a virtual
    one, of which nothing is waited for."""
    names = Names(parts)
    looks = MOST_LOOKS / max(len(racks), 1)
    times = [least_times(plan, chosen, parts, rounds_of(t.reads, made, names), t.switched, looks) for t in racks]
    return [_step(s, parts, max((t[s.id] for t in times), default=None)) for s in chosen]


def _step(step: StepSpec, parts: Parts, took: Took | None) -> StepPreview:
    seconds, apart_s, heard_s = took or (planned_seconds(step, parts), 0.0, 0.0)
    does = list(dict.fromkeys(text for phase in step.phases if (text := _does(phase, parts))))
    return StepPreview(
        step.id,
        step.title,
        step.level.value,
        step.required,
        seconds,
        does,
        step.people,
        len(step.measures),
        apart_s,
        heard_s,
        done_sha256=done_in(step),
    )


def _does(phase: PhaseSpec, parts: Parts) -> str:
    """Return what a phase does to the rack, empty when it only looks."""
    words: list[str] = []
    if phase.do and phase.each:
        places = places_of(phase, parts)
        many = _NAMES.get(phase.each, f"{phase.each}s")
        whom = f"each of {len(places)} {many}" if len(places) > MOST_NAMED else " and ".join(places)
        words.append(_DOES[phase.do].format(whom))
    elif phase.do:
        words.append(_DOES[phase.do])
    if phase.trace is not None:
        words.append("GPUs follow a recorded load")
    elif phase.load is not None and phase.do not in ALONE:
        words.append(f"GPUs at {phase.load:.0%} of their span" if phase.load else "GPUs at rest")
    if phase.cap is not None:
        words.append(f"limits at {phase.cap:.0%}")
    if phase.facility_k is not None:
        words.append(f"facility water {phase.facility_k:g} K warmer")
    return ", ".join(words)
