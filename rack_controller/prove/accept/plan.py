"""An acceptance plan as it is written, and the checks that only a whole plan can have.  Pure: text in, a plan out."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from firmware_bridge.wire.located_yaml import Located, convert

SCHEMA_VERSION = 1
MOST_SECONDS = 7 * 86_400.0

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_]{0,47}$")]
SeriesName = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+\.[a-z_]+$")]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=MOST_SECONDS)]
Share = Annotated[float, msgspec.Meta(ge=0, le=2)]


class Level(StrEnum):
    """What is accepted: a tray, a rack, racks together."""

    L10 = "L10"
    L11 = "L11"
    L12 = "L12"


class Rule(StrEnum):
    """How a measure is judged; `judge.py` has one function for each."""

    RANGE = "range"
    PEERS = "peers"
    FOLLOWS = "follows"
    RESPONDS = "responds"
    SETTLES = "settles"
    ALONE = "alone"
    COUNTS = "counts"
    DRIFTS = "drifts"
    SCATTERS = "scatters"
    SILENT = "silent"
    FACT = "fact"
    PLACED = "placed"
    RECORD = "record"
    REMOVED = "removed"
    TAKES = "takes"
    CABLED = "cabled"
    TRUNKED = "trunked"
    PEAKS = "peaks"
    BREATHES = "breathes"
    PACES = "paces"
    HEARD = "heard"
    JUMPS = "jumps"
    STRAYS = "strays"
    LAGS = "lags"
    CEASES = "ceases"


class PhaseSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stimulus for a while.

    `load`: share of the GPUs' span, of those that work alone where `do` is `load`; `trace`: a recorded load instead,
    `scale` of it.
    `cap`: share of every GPU's highest limit.  `each`: the phase is repeated for each part of this kind, of `places`
    where some are named, `do` done to it and undone after; without `each`, `do` is done to the rack.  `before_s`
    passes before the first part, so that it is known how all were; `settle_s` before the phase counts, `after_s` after
    it was undone.
    """

    name: Id
    for_s: Seconds
    load: Share | None = None
    trace: str | None = None
    scale: Share = 1.0
    cap: Share | None = None
    facility_k: float | None = None
    each: str | None = None
    places: list[str] = []
    do: Literal["pull", "wet", "load", "load_gpu", "stop", "cycle_ac", "restart_controller", "drill"] | None = None
    before_s: Seconds = 8.0
    settle_s: Seconds = 0.0
    after_s: Seconds = 0.0
    every_s: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 2.0


class MeasureSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is judged, by which rule, against what.

    `of`: a series, a fact or a kind of record.  `phase`: which phase; `to`: the second one where a rule compares two.
    `least`, `most`: bounds in `unit`.  `within`, `share`: how far from what is expected, in `unit` and as a share of
    it; `times`: that many times the peers' own scatter.  `profile`: what the design expects of positions.
    `against`: where it is `asked`, `least` and `most` are multiples of what the phase asked for (a limit in W).
    `wanted`: values of a fact that are good; `by`: what else a fact is held against.  `if_built`: where nobody handed
    as-built records in, its outcome is `uncompared`, which is no pass and no fault; without it that is an error.
    """

    id: Id
    title: str
    of: str
    rule: Rule
    source: str
    unit: str = ""
    phase: str = ""
    to: str = ""
    least: float | None = None
    most: float | None = None
    within: float | None = None
    share: float | None = None
    times: float | None = None
    profile: str = ""
    against: Literal["", "asked"] = ""
    wanted: list[str | bool | float] = []
    by: Literal["", "built", "baseline", "peers", "place"] = ""
    group: Literal["", "tray", "shelf", "place"] = ""
    field: str = ""
    only: str = ""
    if_built: bool = False


class EntrySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must hold before a step begins: every part's reading lies within."""

    of: SeriesName
    title: str
    least: float | None = None
    most: float | None = None


class StepSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step.  `records`: kinds of part that are read although they are many.  `people`: what people do for it."""

    id: Id
    title: str
    level: Level
    measures: list[MeasureSpec]
    required: bool = True
    after: list[str] = []
    entry: list[EntrySpec] = []
    phases: list[PhaseSpec] = []
    records: list[str] = []
    sweep: list[str] = []
    retest: Annotated[int, msgspec.Meta(ge=0, le=3)] = 1
    people: str = ""

    @property
    def seconds(self) -> float:
        """How long it takes where every phase is done once."""
        return sum(p.settle_s + p.for_s + p.after_s for p in self.phases)


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a part of a swept series may be from its peers: the largest of the three that are given."""

    source: str
    within: float = 0.0
    share: float = 0.0
    times: float = 0.0
    profile: str = ""


class Alone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How steady a swept instrument is by itself: what its readings may scatter by, and what one of them may
    stand out by, in its unit and as a share of what it shows; the larger of the two counts."""

    source: str
    noise: float = 0.0
    noise_share: float = 0.0
    jump: float = 0.0
    jump_share: float = 0.0


class StopRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reading at which a run stops: everything is put back to rest, and people look."""

    of: SeriesName
    most: float
    title: str


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The firmware that is wanted, and who says so: versions by kind of part (`gpu`), by kind of tray and name of an
    entry of its inventories (`tray/FW_BMC_0`), or by place (`u13/gpu2`)."""

    source: str
    firmware: dict[str, str]

    def wanted(self) -> dict[str, dict[str, str]]:
        """Return it as evidence has it: facts by what they are wanted of."""
        return {name: {"firmware": version} for name, version in self.firmware.items()}


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A generation's acceptance.

    `tolerances`: by series, what `sweep` holds every part of it against, `alone` how steady one is by itself;
    `baseline`: what firmware is wanted, None where somebody else says so.  `accepts`: whether a rack that passes has
    passed its level, or was only looked at.
    """

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=SCHEMA_VERSION)]
    name: str
    title: str
    steps: list[StepSpec]
    accepts: bool = True
    tolerances: dict[str, Tolerance] = {}
    alone: dict[str, Alone] = {}
    stop: list[StopRule] = []
    baseline: Baseline | None = None
    part_out: str = "the same fault of the same part found twice: the part is taken out"

    def upto(self, level: Level, *, together: bool = False) -> tuple[StepSpec, ...]:
        """Return the steps of a level and of all below it; of racks `together` only those that take several racks."""
        order = list(Level)
        steps = tuple(s for s in self.steps if order.index(s.level) <= order.index(level))
        return tuple(s for s in steps if s.level is Level.L12) if together else steps


def plan_of(document: Located) -> Plan:
    """Return the plan that a document holds.  Raises FileInvalid with file, line, field and what was expected."""
    plan = convert(document, "", Plan)
    seen: set[str] = set()
    for n, step in enumerate(plan.steps):
        here = f"steps[{n}]"
        if step.id in seen:
            raise document.complaint(f"{here}.id", f"expected an id that no other step has, got {step.id!r}")
        for i, before in enumerate(step.after):
            if before not in seen:
                raise document.complaint(f"{here}.after[{i}]", f"expected a step above this one, got {before!r}")
        seen.add(step.id)
        _check_step(document, here, step, plan)
    if plan.baseline is not None:
        check_baseline(document, plan.baseline)
    if not plan.steps:
        raise document.complaint("steps", "expected at least one step")
    return plan


_WHOLE = {Rule.SILENT, Rule.FACT, Rule.PLACED, Rule.CABLED, Rule.TRUNKED, Rule.RECORD}
_NEEDS_TWO = {Rule.FOLLOWS, Rule.LAGS}
_BOUNDED = {Rule.RANGE, Rule.PEAKS}


def check_baseline(document: Located, baseline: Baseline) -> None:
    """Raise FileInvalid for a baseline that wants nothing, or that nobody wants."""
    if not baseline.firmware:
        raise document.complaint("baseline.firmware", "expected the versions that are wanted, by part")
    if not baseline.source.strip():
        expected = "expected who wants these versions, and since when: read them first, then write it here"
        raise document.complaint("baseline.source", expected)


def _check_step(document: Located, here: str, step: StepSpec, plan: Plan) -> None:
    names = {p.name for p in step.phases}
    if not step.measures and not step.sweep:
        raise document.complaint(f"{here}.measures", "expected at least one measure: a step that judges nothing passes")
    for i, phase in enumerate(step.phases):
        if phase.load is not None and phase.trace is not None:
            raise document.complaint(f"{here}.phases[{i}].trace", "expected a load or a trace, not both")
        if phase.each is not None and phase.do is None:
            raise document.complaint(f"{here}.phases[{i}].each", "expected `do`: what is done to each part")
    ids: set[str] = set()
    for i, m in enumerate(step.measures):
        at = f"{here}.measures[{i}]"
        if m.id in ids:
            raise document.complaint(f"{at}.id", f"expected an id that no other measure of the step has, got {m.id!r}")
        ids.add(m.id)
        wanted: tuple[tuple[str, str], ...] = () if m.rule in _WHOLE else (("phase", m.phase),)
        wanted = (("phase", m.phase), ("to", m.to)) if m.rule in _NEEDS_TWO else wanted
        for field, name in wanted:
            if name not in names:
                raise document.complaint(f"{at}.{field}", f"expected a phase of this step, got {name!r}")
        if not m.source.strip():
            raise document.complaint(f"{at}.source", "expected where the limit comes from")
        if m.rule in _BOUNDED and m.least is None and m.most is None:
            raise document.complaint(at, "expected `least` or `most`: a range without a bound passes everything")
        if m.against and (m.rule not in _BOUNDED or not any(p.name == m.phase and p.cap for p in step.phases)):
            raise document.complaint(f"{at}.against", "expected a range or peaks of a phase that asks for a `cap`")
        if m.rule is Rule.PEERS and m.within is None and m.share is None and m.times is None:
            raise document.complaint(at, "expected `within`, `share` or `times`")
    for i, name in enumerate(step.sweep):
        if name not in names:
            raise document.complaint(f"{here}.sweep[{i}]", f"expected a phase of this step, got {name!r}")
