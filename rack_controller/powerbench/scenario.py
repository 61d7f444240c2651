"""A scenario file: which racks work on what, under which limit, and what goes wrong.  A file in, a Scenario out."""

from pathlib import Path

import msgspec

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import Located, convert, parse

MOST_RACKS = 64
MOST_SECONDS = 7200


class TrainingSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="training", tag_field="kind"):
    """A synchronous job over whole racks; fields as in `firmware_bridge.plant.jobs.Training`."""

    racks: list[int]
    peak_w: float
    compute_s: float
    exchange_s: float
    exponent: float = 0.5
    priority: int = 1
    checkpoint_every_s: float = 0.0
    checkpoint_s: float = 0.0
    starts_at_s: float = 0.0


class ServingSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="serving", tag_field="kind"):
    """Racks that serve requests.  `load`: mean arrivals as a share of what a rack can serve.

    `burst`: standard deviation of the logarithm of the arrival rate where no trace is given, `burst_s` how long a burst
    lasts, `decode_s` over how long the work of one request is spread.
    """

    racks: list[int]
    peak_w: float
    load: float = 0.6
    exponent: float = 0.5
    priority: int = 0
    burst: float = 0.4
    burst_s: float = 20.0
    decode_s: float = 4.0


class Writes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How limits travel: a delay drawn between two bounds for each write, and which share is lost."""

    delay_s: tuple[float, float] = (0.05, 0.1)
    lost: float = 0.0


class Sensing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How old a sight is when the controller gets it."""

    power_s: float = 0.1
    caps_s: float = 0.1


class Happening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong at `at_s` for `for_s` (0: for good).

    `limit`: the hall's limit times this.  `supplies`: so many of every `rack`'s supplies fail.  `telemetry: false`: no
    power, limit or meter is seen.  `lost`: share of lost writes meanwhile.  `reset`: GPUs of the racks forget their
    limits.  `deaf`: GPUs of the racks take no limit.
    """

    at_s: float
    for_s: float = 0.0
    limit: float = 1.0
    racks: list[int] = []
    supplies: int = 0
    telemetry: bool = True
    lost: float = 0.0
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
    jobs: list[TrainingSpec | ServingSpec]
    step_s: float = 0.1
    settling_s: float = 6.0
    law_error: float = 0.0
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
    taken: set[int] = set()
    for n, job in enumerate(scenario.jobs):
        for i, rack in enumerate(job.racks):
            if not 0 <= rack < scenario.racks or rack in taken:
                said = f"expected a rack from 0 to {scenario.racks - 1} that no other job has, got {rack}"
                raise document.complaint(f"jobs[{n}].racks[{i}]", said)
            taken.add(rack)
        if not job.racks:
            raise document.complaint(f"jobs[{n}].racks", "expected at least one rack")
        if not 0.05 <= job.exponent <= 2:
            raise document.complaint(f"jobs[{n}].exponent", f"expected 0.05 to 2, got {job.exponent:g}")
    if len(taken) != scenario.racks:
        raise document.complaint("jobs", f"expected every rack in one job; {scenario.racks - len(taken)} have none")
    for n, happening in enumerate(scenario.happenings):
        if not (0 <= happening.at_s <= scenario.seconds and happening.for_s >= 0 and 0 < happening.limit <= 2):
            raise document.complaint(f"happenings[{n}]", "expected a time within the scenario and a limit above 0")
        for i, rack in enumerate(happening.racks):
            if not 0 <= rack < scenario.racks:
                raise document.complaint(f"happenings[{n}].racks[{i}]", f"expected 0 to {scenario.racks - 1}")
