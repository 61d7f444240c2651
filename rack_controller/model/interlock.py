"""Interlocks as data: what stops what.  One row per cause; a row that tripped becomes a latch until a person clears it.

The conditions and the acts are closed lists, because each is code that is tested; which of them belong together, how
long a thing must hold and what follows when, is the policy (`seeds/policies/interlock.yaml`).
"""

from enum import StrEnum

import msgspec

from firmware_bridge.vocabulary.generation import TrayKind


class Condition(StrEnum):
    """What a row watches.  Each holds at a place (a tray, or the rack) or does not; unknown is a condition of its own,
    never a value that satisfies another."""

    LEAK_CRITICAL = "leak_critical"  # a detector says Critical, two say anything, or a warning lasts too long
    LEAK_WARNING = "leak_warning"  # a detector says Warning, or flaps
    TRAYS_LEAKING = "trays_leaking"  # `count` trays of the rack leak critically
    RACK_LEAKING = "rack_leaking"  # a detector that belongs to the rack, not to a tray, says Critical
    UNIT_LEAKING = "unit_leaking"  # the coolant unit itself leaks, or says that it stops
    DETECTOR_FAULTY = "detector_faulty"  # open, short, silent, or its controller does not answer
    DETECTORS_ALL_FAULTY = "detectors_all_faulty"  # every one of a tray's, its controller answering
    FAULTY_AND_NEIGHBOUR_LEAKS = "faulty_and_neighbour_leaks"
    FAULTY_AND_LOOP_FALLS = "faulty_and_loop_falls"  # pressure or level of the loop falls by `share`
    FLOW_BELOW = "flow_below"  # below `share` of what the heat needs
    FLOW_UNKNOWN = "flow_unknown"
    MARGIN_BELOW = "margin_below"  # a GPU is less than `margin_k` below its first slowdown
    PUMPS_NOT_REDUNDANT = "pumps_not_redundant"  # one pump failed, coolant flows
    SUPPLY_WARM = "supply_warm"  # coolant comes more than `margin_k` above the design's supply temperature
    NEAR_DEW_POINT = "near_dew_point"  # coolant comes less than `margin_k` above the dew point of the air
    SHELVES_OVERLOADED = "shelves_overloaded"  # the rack draws more than `share` of its usable power
    ISOLATED = "isolated"  # the building closed the coolant
    ISOLATED_NOT_OFF = "isolated_not_off"  # the building closed the coolant and a tray is not observed off
    BUILDING_SILENT = "building_silent"  # its heartbeat is lost, or its broker is not reached
    BUILDING_SENSOR_FAULTY = "building_sensor_faulty"  # its leak sensor of the rack is, or what it says is not believed
    ISOLATION_UNCONFIRMED = "isolation_unconfirmed"  # asked of the building, and its status does not say so (yet)
    TRAY_ON_WHILE_LATCHED = "tray_on_while_latched"
    BLIND = "blind"  # nothing of the rack is known any more
    EMERGENCY_STOP = "emergency_stop"  # a person wants everything at the place off: said by a command, seen nowhere


MOST_JOB_FIRST_S = 1.0
"""Water runs meanwhile: no policy may wait longer for anybody."""

LEAKS = frozenset(
    {
        Condition.LEAK_CRITICAL,
        Condition.TRAYS_LEAKING,
        Condition.RACK_LEAKING,
        Condition.UNIT_LEAKING,
        Condition.FAULTY_AND_NEIGHBOUR_LEAKS,
        Condition.FAULTY_AND_LOOP_FALLS,
    }
)
"""Under which water may be where it must not be: nobody lets coolant flow before a person has looked."""

RACK_WIDE = frozenset(
    {
        Condition.TRAYS_LEAKING,
        Condition.RACK_LEAKING,
        Condition.UNIT_LEAKING,
        Condition.FLOW_BELOW,
        Condition.FLOW_UNKNOWN,
        Condition.PUMPS_NOT_REDUNDANT,
        Condition.SUPPLY_WARM,
        Condition.NEAR_DEW_POINT,
        Condition.SHELVES_OVERLOADED,
        Condition.ISOLATED,
        Condition.ISOLATED_NOT_OFF,
        Condition.BUILDING_SILENT,
        Condition.BUILDING_SENSOR_FAULTY,
        Condition.ISOLATION_UNCONFIRMED,
        Condition.BLIND,
    }
)
"""Conditions that hold for the rack; every other holds at a tray."""

NEEDS: dict[Condition, frozenset[str]] = {
    Condition.TRAYS_LEAKING: frozenset({"count"}),
    Condition.FLOW_BELOW: frozenset({"share"}),
    Condition.FAULTY_AND_LOOP_FALLS: frozenset({"share"}),
    Condition.MARGIN_BELOW: frozenset({"margin_k"}),
    Condition.SUPPLY_WARM: frozenset({"margin_k"}),
    Condition.NEAR_DEW_POINT: frozenset({"margin_k"}),
    Condition.SHELVES_OVERLOADED: frozenset({"share"}),
}
"""The numbers that a condition needs; every other must be left out."""


class Act(StrEnum):
    """What a rung of a row does.  All are toward safe."""

    ALARM = "alarm"
    DRAIN = "drain"
    STOP_JOB = "stop_job"
    CAP = "cap"
    HOLD_CAPS = "hold_caps"
    RAISE_FLOW = "raise_flow"
    RAISE_SUPPLY = "raise_supply"
    SHED = "shed"
    GRACEFUL_OFF = "graceful_off"
    FORCE_OFF = "force_off"
    AUX_OFF = "aux_off"
    REQUEST_ELECTRICAL_ISOLATION = "request_electrical_isolation"
    REQUEST_LIQUID_ISOLATION = "request_liquid_isolation"
    SHELF_OUTPUT_OFF = "shelf_output_off"


TURNS_UP = (Act.RAISE_FLOW, Act.RAISE_SUPPLY)
"""What is done with a coolant unit: its targets go up, never down, and it is never stopped."""

REQUESTS = (Act.REQUEST_ELECTRICAL_ISOLATION, Act.REQUEST_LIQUID_ISOLATION)
"""What is asked of the building, which does it or not."""

SWITCHES_OFF = frozenset({Act.GRACEFUL_OFF, Act.FORCE_OFF, Act.AUX_OFF, Act.SHELF_OUTPUT_OFF})


class Target(StrEnum):
    """Whom an act is for, seen from the place where the row tripped."""

    HERE = "here"  # where it tripped: the tray, or every compute and switch tray of the rack
    TRAY = "tray"
    DRIP = "drip"  # the tray and those that its water falls on
    DOMAIN = "domain"  # the compute trays of the tray's NVLink domain
    DRIP_DOMAIN = "drip_domain"  # those of the domains of the switch trays that its water falls on, itself included
    RACK = "rack"  # every compute and switch tray
    SHELVES = "shelves"
    COOLANT = "coolant"
    BUILDING = "building"


class Follows(StrEnum):
    """What the share of a cap follows while its row stands."""

    COOLANT = "coolant"  # what the pumps that run and the supply carry
    FLOW = "flow"  # nothing: `share` it is, until flow is proven


class Rung(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One act of a row: `after_s` seconds after it tripped, earlier where a GPU's margin is at most `or_margin_k`.

    `every_s`: repeated for as long as a target is not observed off.  `share`: of a cap, of the tray's maximum; of a
    raised flow, of the most that the unit allows.  `by_k`: how much warmer coolant is to come.
    `follows`: the share of a cap is worked out from what is seen, `share` where that cannot be; it is given back
    `back_s` after the row is over, of one that follows the flow only while at least `back_share` flows of what all that
    is not off needs at its rating.
    """

    do: Act
    to: Target
    after_s: float = 0.0
    or_margin_k: float | None = None
    every_s: float | None = None
    share: float | None = None
    deadline_s: float | None = None
    by_k: float | None = None
    follows: Follows | None = None
    back_s: float = 30.0
    back_share: float | None = None


class Clearing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may clear a latch, and what must be written down: `record` names the fields of the inspection.

    `not_while`: causes that must not hold at the same place either.
    """

    persons: int = 1
    record: list[str] = []
    not_while: list[str] = []


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cause.  `for_s`: how long the condition must hold before the row trips.  `latch`: it stays tripped after the
    condition ended, until a person clears it; without, it ends with its condition.  `outlasts_silence`: it does not end
    while nobody says whether its condition did.  `blocks`: no power-on meanwhile, at the tray or in the whole rack.
    `must_not` is for people; `never` names acts that no edit may put on the ladder."""

    cause: str
    title: str
    when: Condition
    ladder: list[Rung]
    consequence: str
    response: str
    priority: int
    must_not: list[str] = []
    never: list[Act] = []
    trays: list[TrayKind] = []
    for_s: float = 0.0
    count: int | None = None
    share: float | None = None
    margin_k: float | None = None
    latch: bool = False
    outlasts_silence: bool = False
    blocks: bool = False
    clear: Clearing = Clearing()


class DetectorRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a detector's word counts for more than it says.  Times in seconds."""

    warning_long_s: float = 60.0
    flap_changes: int = 3
    flap_within_s: float = 60.0
    silent_s: float = 5.0


class DripPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where water goes from a detector whose own name contains `label`, in any case.  `below`: so many trays."""

    label: str
    below: int = 0
    rack: bool = False


class DripMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where water goes.  `below`: how many trays under a leaking one get wet; a tray of a kind in `rack_if_wet` among
    them makes it the whole rack's leak.  `job_first_s`: how long a switch tray below waits at most until whoever runs
    the domain's job is told; the leaking tray never does."""

    below: int = 3
    job_first_s: float = 0.0
    points: list[DripPoint] = []
    rack_if_wet: list[TrayKind] = []


class LoopRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What coolant must do.  `rise_k`: how much warmer it may come back, which with the heat gives the flow it needs;
    `heat_lag_s`: the time constant with which a load that rises warms what it heats, and the coolant after it;
    `least_share`: of the rated flow, needed as soon as anything is on.  `settle_s`: over how long pressure and level
    are averaged before a fall is seen.  `rack_labels`: a coolant unit's detector whose own name contains one of these
    lies in the rack and not in the unit; `stop_bits`: bits of its alarm words that say that coolant is about to stop,
    `pump_bits`: that a pump failed, of a unit whose pumps have no health of their own.
    """

    rise_k: float = 10.0
    heat_lag_s: float = 5.0
    least_share: float = 0.05
    settle_s: float = 60.0
    rack_labels: list[str] = []
    stop_bits: list[str] = []
    pump_bits: list[str] = []


class InterlockPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `spec` of a policy of the kind `interlock`."""

    rows: list[Row]
    detectors: DetectorRules = DetectorRules()
    drip: DripMap = DripMap()
    loop: LoopRules = LoopRules()


KIND = "interlock"
MUST_COVER = frozenset(
    {
        Condition.LEAK_CRITICAL,
        Condition.LEAK_WARNING,
        Condition.TRAYS_LEAKING,
        Condition.RACK_LEAKING,
        Condition.UNIT_LEAKING,
        Condition.DETECTOR_FAULTY,
        Condition.FLOW_BELOW,
        Condition.FLOW_UNKNOWN,
        Condition.PUMPS_NOT_REDUNDANT,
        Condition.SUPPLY_WARM,
        Condition.NEAR_DEW_POINT,
        Condition.MARGIN_BELOW,
        Condition.SHELVES_OVERLOADED,
        Condition.TRAY_ON_WHILE_LATCHED,
        Condition.BLIND,
        Condition.EMERGENCY_STOP,
    }
)
"""What no policy may leave to chance: without one of these a sensor of the rack has no rule."""


def parse_interlock(spec: object) -> InterlockPolicy:
    """Read and check the `spec`.  Raises ValueError that names the row and what is wrong with it."""
    try:
        policy = msgspec.convert(spec, InterlockPolicy)
    except msgspec.ValidationError as err:
        raise ValueError(str(err)) from err
    for row in policy.rows:
        _check_row(row)
    if not 0.0 <= policy.drip.job_first_s <= MOST_JOB_FIRST_S:
        said = f"0 to {MOST_JOB_FIRST_S:g} s, got {policy.drip.job_first_s:g}"
        raise ValueError(f"drip: job_first_s is {said}: water does not wait for a job")
    names = [row.cause for row in policy.rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"rows {', '.join(twice)} stand twice: a cause has one row")
    gaps = sorted(MUST_COVER - {row.when for row in policy.rows})
    if gaps:
        raise ValueError(f"no row watches {', '.join(gaps)}: a sensor without a rule is a gap")
    for row in policy.rows:
        unknown = sorted(set(row.clear.not_while) - set(names))
        if unknown:
            raise ValueError(f"row {row.cause}: not_while names {', '.join(unknown)}, which no row has")
    _check_stop([row for row in policy.rows if row.when is Condition.EMERGENCY_STOP])
    critical = {kind for row in policy.rows if row.when is Condition.LEAK_CRITICAL for kind in (row.trays or TrayKind)}
    bare = sorted({TrayKind.COMPUTE, TrayKind.SWITCH} - critical)
    if bare:
        raise ValueError(f"no row watches leak_critical of {', '.join(bare)} trays")
    return policy


def _check_stop(rows: list[Row]) -> None:
    """An emergency off means the same at every rack, whatever else a site changes."""
    first = rows[0].ladder[:1]
    if len(rows) > 1 or rows[0].trays:
        raise ValueError("emergency_stop has one row, for trays of every kind")
    if not (rows[0].latch and rows[0].blocks):
        raise ValueError(f"row {rows[0].cause}: an emergency off latches and blocks power-on")
    if not first or (first[0].do, first[0].to, first[0].after_s) != (Act.FORCE_OFF, Target.HERE, 0.0):
        raise ValueError(f"row {rows[0].cause}: an emergency off begins with force_off to here, at once")


def _check_row(row: Row) -> None:
    where = f"row {row.cause}"
    given = {name for name in ("count", "share", "margin_k") if getattr(row, name) is not None}
    needs = NEEDS.get(row.when, frozenset())
    if given != needs:
        wanted = ", ".join(sorted(needs)) or "none"
        raise ValueError(
            f"{where}: {row.when} needs these numbers: {wanted}; given: {', '.join(sorted(given)) or 'none'}"
        )
    if row.latch and row.outlasts_silence:
        raise ValueError(f"{where}: a row that latches outlasts silence anyway; leave out outlasts_silence")
    if not 1 <= row.priority <= 4:
        raise ValueError(f"{where}: priority is 1 (most urgent) to 4, got {row.priority}")
    forbidden = sorted({rung.do for rung in row.ladder} & set(row.never))
    if forbidden:
        raise ValueError(f"{where}: does {', '.join(forbidden)}, which it must never")
    if not row.ladder:
        raise ValueError(f"{where}: does nothing; at least an alarm is needed")
    if row.when in RACK_WIDE and row.trays:
        raise ValueError(f"{where}: {row.when} is the rack's, `trays` must be left out")
    for rung in row.ladder:
        _check_rung(where, row, rung)


def _check_rung(where: str, row: Row, rung: Rung) -> None:
    if rung.after_s < 0 or row.for_s < 0:
        raise ValueError(f"{where}: a time below zero")
    if rung.do is Act.SHELF_OUTPUT_OFF and rung.to is not Target.SHELVES:
        raise ValueError(f"{where}: shelf_output_off is for shelves, got {rung.to}")
    if rung.to is Target.SHELVES and rung.do in SWITCHES_OFF - {Act.SHELF_OUTPUT_OFF}:
        raise ValueError(f"{where}: {rung.do} is not for shelves")
    if rung.to is Target.COOLANT and rung.do not in TURNS_UP:
        raise ValueError(f"{where}: {rung.do} on coolant is never done by an interlock")
    if rung.do in TURNS_UP and rung.to is not Target.COOLANT:
        raise ValueError(f"{where}: {rung.do} is for coolant, got {rung.to}")
    if (rung.do in (Act.CAP, Act.RAISE_FLOW)) != (rung.share is not None):
        raise ValueError(f"{where}: `share` belongs to cap and raise_flow, and they need it")
    if rung.share is not None and not 0 < rung.share <= 1:
        raise ValueError(f"{where}: `share` is above 0 and at most 1, got {rung.share:g}")
    if rung.follows is not None and (rung.do is not Act.CAP or rung.every_s is None or row.latch):
        raise ValueError(f"{where}: `follows` belongs to a cap with `every_s`, of a row that ends by itself")
    if (rung.follows is Follows.FLOW) != (rung.back_share is not None) or not 0 < (rung.back_share or 1.0) <= 1:
        raise ValueError(f"{where}: `back_share` belongs to `follows: flow`, which needs it, above 0 and at most 1")
    if rung.follows is Follows.FLOW and row.when is not Condition.FLOW_BELOW:
        raise ValueError(f"{where}: `follows: flow` belongs to a row on flow_below, got {row.when}")
    if (rung.do is Act.RAISE_SUPPLY) != (rung.by_k is not None) or (rung.by_k is not None and rung.by_k <= 0):
        raise ValueError(f"{where}: `by_k` belongs to raise_supply, which needs it, above 0")
    if rung.to in (Target.DRIP, Target.TRAY, Target.DOMAIN) and row.when in RACK_WIDE:
        raise ValueError(f"{where}: {row.when} is the rack's, {rung.do} on {rung.to} has no tray")
