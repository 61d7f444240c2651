"""A scenario file: which racks work on what, under which limit, and what goes wrong.  A file in, a Scenario out."""

from pathlib import Path
from typing import Annotated

import msgspec

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import Located, convert, parse

MOST_RACKS = 64
MOST_SECONDS = 7200


def _within(least: float, most: float) -> msgspec.Meta:
    return msgspec.Meta(ge=least, le=most)


_Power = Annotated[float, _within(100.0, 10_000.0)]
_Phase = Annotated[float, _within(0.01, 3_600.0)]
_Time = Annotated[float, _within(0.0, MOST_SECONDS)]
_Exponent = Annotated[float, _within(0.05, 2.0)]
_Priority = Annotated[int, _within(0, 100)]
_Share = Annotated[float, _within(0.0, 1.0)]
_Delay = Annotated[float, _within(0.0, 60.0)]
_Count = Annotated[int, _within(0, 1_000)]


class TrainingSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="training", tag_field="kind"):
    """A synchronous job over whole racks; fields as in `firmware_bridge.plant.jobs.Training`."""

    racks: list[int]
    peak_w: _Power
    compute_s: _Phase
    exchange_s: _Time
    exponent: _Exponent = 0.5
    priority: _Priority = 1
    checkpoint_every_s: _Time = 0.0
    checkpoint_s: _Time = 0.0
    starts_at_s: _Time = 0.0


class ServingSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="serving", tag_field="kind"):
    """Racks that serve requests.  `load`: mean arrivals as a share of what a rack can serve.

    `burst`: standard deviation of the logarithm of the arrival rate where no trace is given, `burst_s` how long a burst
    lasts, `decode_s` over how long the work of one request is spread.
    """

    racks: list[int]
    peak_w: _Power
    load: Annotated[float, _within(0.0, 10.0)] = 0.6
    exponent: _Exponent = 0.5
    priority: _Priority = 0
    burst: Annotated[float, _within(0.0, 5.0)] = 0.4
    burst_s: _Phase = 20.0
    decode_s: _Phase = 4.0


class TraceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="trace", tag_field="kind"):
    """Racks that replay measured node power, scaled from a node's idle and most to their GPUs'; needs a power trace.

    A GPU of theirs that gets less than it asks for slows down by itself; what counts as training is their mean speed.
    """

    racks: list[int]
    peak_w: _Power
    exponent: _Exponent = 0.5
    priority: _Priority = 1


class Writes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How limits travel: a delay drawn between two bounds for each write, and which share is lost."""

    delay_s: tuple[_Delay, _Delay] = (0.05, 0.1)
    lost: _Share = 0.0


class Sensing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How old a sight is when the controller gets it, and how often there is a new one.

    `every_s`: power and meters are new so often; `window_s`: GPU power is a mean over about so long; `gain`: how far a
    meter may be off, for good, drawn anew for each device.  `flow_every_s`: coolant flow is new so often.
    """

    power_s: _Delay = 0.1
    caps_s: _Delay = 0.1
    every_s: _Delay = 0.1
    window_s: _Delay = 0.0
    gain: Annotated[float, _within(0.0, 0.5)] = 0.0
    flow_every_s: _Delay = 0.5


class Happening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong at `at_s` for `for_s` (0: for good).

    `limit`: the hall's limit times this; `within_s`: it gets there in so long, evenly, and that is known in advance.
    Of every rack of `racks`: `supplies` and `shelves`, so many fail; `feeds` have no voltage, on `phase` only when one
    is named; `clip`: its first shelf's busbar clip has so many times the resistance; `pumps`: so many stand still;
    `reset`: GPUs forget their limits; `deaf`: GPUs take no limit, of the first `trays` trays only when that is given;
    `leak`: it is taken off power in order.  `facility_c`: how warm facility water is.
    `telemetry: false`: no power, limit or meter is seen.  `lost`: share of lost writes meanwhile.
    `restart`: the controller starts anew and knows nothing.
    """

    at_s: _Time
    for_s: _Time = 0.0
    limit: Annotated[float, _within(0.01, 2.0)] = 1.0
    racks: list[int] = []
    within_s: _Time = 0.0
    supplies: _Count = 0
    shelves: _Count = 0
    feeds: list[int] = []
    phase: int | None = None
    clip: Annotated[float, _within(1.0, 1_000.0)] = 1.0
    pumps: _Count = 0
    leak: bool = False
    facility_c: Annotated[float, _within(0.0, 60.0)] | None = None
    trays: _Count = 0
    restart: bool = False
    telemetry: bool = True
    lost: _Share = 0.0
    reset: bool = False
    deaf: bool = False


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scenario.  `oversubscription`: what the racks can draw at most against the hall's limit."""

    schema_version: int
    name: str
    title: str
    generation: str
    racks: int
    seconds: float
    oversubscription: float
    jobs: list[TrainingSpec | ServingSpec | TraceSpec]
    step_s: float = 0.1
    settling_s: _Time = 6.0
    law_error: float = 0.0
    cooling: bool = False  # whether flow is the controller's, too
    writes: Writes = Writes()
    sensing: Sensing = Sensing()
    happenings: list[Happening] = []


def scenario_files() -> dict[str, Path]:
    """Return the scenarios that ship, by name."""
    return {path.stem: path for path in sorted((seeds_folder() / "powerbench").glob("*.yaml"))}


def read_scenario(name_or_file: str) -> Scenario:
    """Return a shipped scenario by name or any file.  Raises ConfigurationError or FileInvalid (file, line, field)."""
    path = scenario_files().get(name_or_file, Path(name_or_file))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        known = ", ".join(scenario_files())
        raise ConfigurationError(f"no scenario {name_or_file!r}: expected a file or one of {known}") from err
    document = parse(text, str(path))
    scenario = convert(document, "", Scenario)
    _check(document, scenario)
    return scenario


def changed(scenario: Scenario, *, oversubscription: float | None, seconds: float | None) -> Scenario:
    """Return the scenario with some of its numbers replaced.  Raises ConfigurationError for one out of range."""
    over = scenario.oversubscription if oversubscription is None else oversubscription
    length = scenario.seconds if seconds is None else seconds
    if not (0.5 <= over <= 4 and scenario.settling_s < length <= MOST_SECONDS):
        raise ConfigurationError(
            f"oversubscription {over:g}, seconds {length:g}: expected 0.5 to 4, and more than "
            f"{scenario.settling_s:g} up to {MOST_SECONDS}"
        )
    return msgspec.structs.replace(scenario, oversubscription=over, seconds=length)


def _check(document: Located, scenario: Scenario) -> None:
    for field, value, low, high in (
        ("schema_version", scenario.schema_version, 1, 1),
        ("racks", scenario.racks, 1, MOST_RACKS),
        ("seconds", scenario.seconds, 1, MOST_SECONDS),
        ("oversubscription", scenario.oversubscription, 0.5, 4),
        ("step_s", scenario.step_s, 0.01, 1),
        ("law_error", scenario.law_error, 0, 0.5),
    ):
        if not low <= value <= high:
            raise document.complaint(field, f"expected {low:g} to {high:g}, got {value:g}")
    low_s, high_s = scenario.writes.delay_s
    if low_s > high_s:
        raise document.complaint("writes.delay_s", f"expected the shorter delay first, got {low_s:g} and {high_s:g}")
    taken: set[int] = set()
    for n, job in enumerate(scenario.jobs):
        for i, rack in enumerate(job.racks):
            if not 0 <= rack < scenario.racks or rack in taken:
                said = f"expected a rack from 0 to {scenario.racks - 1} that no other job has, got {rack}"
                raise document.complaint(f"jobs[{n}].racks[{i}]", said)
            taken.add(rack)
        if not job.racks:
            raise document.complaint(f"jobs[{n}].racks", "expected at least one rack")
    if len(taken) != scenario.racks:
        raise document.complaint("jobs", f"expected every rack in one job; {scenario.racks - len(taken)} have none")
    for n, happening in enumerate(scenario.happenings):
        if happening.at_s > scenario.seconds:
            raise document.complaint(f"happenings[{n}].at_s", "expected a time within the scenario")
        if happening.phase is not None and not (0 <= happening.phase < 3 and happening.feeds):
            raise document.complaint(f"happenings[{n}].phase", "expected 0 to 2, and the feeds that it is of")
        if not 0 <= happening.within_s <= (happening.for_s or scenario.seconds):
            raise document.complaint(
                f"happenings[{n}].within_s", "expected a time that ends with what happens, or before"
            )
        for i, feed in enumerate(happening.feeds):
            if not 0 <= feed < 8:
                raise document.complaint(f"happenings[{n}].feeds[{i}]", f"expected a feed's number, got {feed}")
        for i, rack in enumerate(happening.racks):
            if not 0 <= rack < scenario.racks:
                raise document.complaint(f"happenings[{n}].racks[{i}]", f"expected 0 to {scenario.racks - 1}")
