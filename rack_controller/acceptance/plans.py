"""A generation's acceptance plan as a file: whole, or another generation's with some of its measures changed."""

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from firmware_bridge.generations.load import generation_folders, load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import Located, convert, parse
from rack_controller.prove.accept.plan import Baseline, Plan, check_baseline, plan_of

FILE = "acceptance.yaml"
_STEM = "acceptance"
MOST_EXTENDED = 2
"""How many plans may stand between a plan and a whole one, that one counted."""


def read_plan(path: Path, search: Sequence[Path] = ()) -> tuple[Plan, str]:
    """Return a file's plan and the SHA-256 of the whole plan's text.

    `extends` names the generation whose plan is taken; `only` the steps of it that are done, which is a look and no
    acceptance where `accepts` does not say that it is one, `changes` and `phases`
    what its measures (`step.measure`) and phases (`step.phase`) say otherwise, `tolerances`, `alone`, `stop` and
    `baseline` what takes their place, `without` what is left out and why, `sweep` the phases in
    which a step holds every series against its peers, `retest` how often a step of any kind is repeated, `steps` what
    comes behind all others.
    Raises ConfigurationError when it cannot be read, FileInvalid with file, line and field when it is wrong.
    """
    return read_plan_text(plan_text(path), str(path), search)


def read_plan_text(text: str, name: str, search: Sequence[Path] = ()) -> tuple[Plan, str]:
    """Return the plan that a text holds, as `read_plan` does of a file; complaints call the text by `name`."""
    plan, whole = whole_plan(text, name, search)
    return plan, hashlib.sha256(whole.encode()).hexdigest()


def whole_plan(text: str, name: str, search: Sequence[Path] = ()) -> tuple[Plan, str]:
    """Return the plan that a text holds, and the plan's whole text: its own, or, where it takes another's, of both.

    The whole text extends nothing: it is the same plan with the same hash wherever and whenever it is read.
    """
    document, extended = _read(text, name, search, MOST_EXTENDED)
    return plan_of(document), _written(document) if extended else text


def _written(document: Located) -> str:
    """Return a document as YAML, each value where it stands: nothing is written as an alias of another."""
    return _yaml_of(json.dumps(document.value))


@functools.lru_cache(maxsize=16)
def _yaml_of(text: str) -> str:
    """Return JSON as YAML.  A plan is written in its whole at every look at it, and takes 50 ms."""
    return str(yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True, width=1000))


def _read(text: str, name: str, search: Sequence[Path], left: int) -> tuple[Located, bool]:
    """Return a text's document with what it takes of others in it, and whether it takes any."""
    document = parse(text, name)
    if not isinstance(document.value, dict) or "extends" not in document.value:
        return document, False
    if not left:
        raise document.complaint("extends", f"expected a plan at most {MOST_EXTENDED} plans away from a whole one")
    path = plan_path(str(document.value["extends"]), search)
    base, _ = _read(plan_text(path), str(path), search, left - 1)
    return _changed(base, document), True


def plan_path(generation: str, search: Sequence[Path] = (), name: str = "") -> Path:
    """Return where a generation's plan is, or its plan of another `name` (`plan_names`).

    Raises ConfigurationError when it has none: limits are a design's own.
    """
    folder = generation_folders(search)[load_generation(generation, search).name]
    if name:
        known = plan_names(generation, search)
        if name not in known:
            advice = f"known are {', '.join(known)}" if known else "it has the whole one alone"
            raise ConfigurationError(f"{generation} has no plan {name[:64]!r}", advice=advice)
        return folder / f"{_STEM}-{name}.yaml"
    path = folder / FILE
    if not path.is_file():
        advice = f"write one beside its rack.yaml; `extends` takes another generation's ({FILE} of gb300-nvl72 does)"
        raise ConfigurationError(f"generation {generation!r} has no {FILE}", advice=advice)
    return path


def plan_names(generation: str, search: Sequence[Path] = ()) -> list[str]:
    """Return the names of a generation's further plans (`acceptance-NAME.yaml`), beside its whole one."""
    folder = generation_folders(search)[load_generation(generation, search).name]
    return sorted(p.stem.removeprefix(f"{_STEM}-") for p in folder.glob(f"{_STEM}-*.yaml"))


def _changed(base: Located, over: Located) -> Located:
    """Return a plan with what another design says otherwise of its measures, phases, tolerances, steps and stops."""
    value: dict[str, Any] = dict(base.value)
    said: dict[str, Any] = over.value
    unknown = said.keys() - _SECTIONS
    if unknown:
        raise over.complaint(min(unknown), f"expected one of {', '.join(sorted(_SECTIONS))}")
    value |= {n: said[n] for n in ("schema_version", "name", "title", "stop", "baseline") if n in said}
    if "baseline" in said:
        check_baseline(over, convert(over, "baseline", Baseline))  # here the file is known in which it stands
    accepts = said.get("accepts", value.pop("accepts", True) and "only" not in said)
    if accepts is not True:
        value["accepts"] = accepts  # some steps alone are a look, where nobody says otherwise
    for section in ("tolerances", "alone"):
        value[section] = {**value.get(section, {}), **(said.get(section) or {})}
    steps = value["steps"] = _only(over, value["steps"])
    _change(over, "phases", steps, "phases", "name", needs="")
    _change(over, "changes", steps, "measures", "id", needs="source")
    _sweep(over, steps)
    steps = _without(over, steps)
    if "retest" in said:
        for step in steps:
            step["retest"] = said["retest"]
    value["steps"] = [*steps, *(said.get("steps") or [])]
    return Located(value, base.places)


_SECTIONS = frozenset(
    {"schema_version", "name", "title", "extends", "changes", "phases", "tolerances", "alone", "stop", "without"}
    | {"only", "retest", "sweep", "baseline", "steps", "accepts"}
)


def _only(over: Located, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps that a shorter plan keeps, in their own order; `after` names none that is left out."""
    wanted = over.value.get("only")
    if wanted is None:
        return steps
    known = {s.get("id") for s in steps}
    if not isinstance(wanted, list) or not wanted:
        raise over.complaint("only", "expected a list of that plan's steps")
    for n, name in enumerate(wanted):
        if name not in known:
            raise over.complaint(f"only[{n}]", f"expected a step of that plan, got {name!r}")
    left = [s for s in steps if s.get("id") in wanted]
    for step in left:
        step["after"] = [name for name in step.get("after", []) if name in wanted]
    return left


def _change(over: Located, section: str, steps: list[dict[str, Any]], inside: str, key: str, *, needs: str) -> None:
    """Let measures or phases (`step.name`) say otherwise; several phases of a step at once with `step.*`."""
    known: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        for one in step.get(inside, []):
            known.setdefault(f"{step.get('id')}.{one.get(key)}", []).append(one)
            known.setdefault(f"{step.get('id')}.*", []).append(one)
    changes = over.value.get(section) or {}
    if not isinstance(changes, dict):
        raise over.complaint(section, f"expected what {inside} say otherwise, by step and {key}")
    for name, said in changes.items():
        if name not in known:
            raise over.complaint(f"{section}.{name}", f"expected one of that plan's {inside} as step.{key}")
        if not isinstance(said, dict) or (needs and needs not in said):
            raise over.complaint(
                f"{section}.{name}", "expected what it says otherwise" + f", and its {needs}" * bool(needs)
            )
        for one in known[name]:
            one.update(said)


def _sweep(over: Located, steps: list[dict[str, Any]]) -> None:
    """Let steps hold every series against its peers in other phases, or in none."""
    said = over.value.get("sweep") or {}
    known = {s.get("id"): s for s in steps}
    if not isinstance(said, dict):
        raise over.complaint("sweep", "expected a list of phases by step")
    for name, phases in said.items():
        if name not in known or not isinstance(phases, list):
            raise over.complaint(f"sweep.{name}", "expected a step of that plan and a list of its phases")
        known[name]["sweep"] = phases


def _without(over: Located, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out steps and measures that a design cannot have; each with the reason why."""
    gone = over.value.get("without") or {}
    if not isinstance(gone, dict) or not all(isinstance(why, str) and why.strip() for why in gone.values()):
        raise over.complaint("without", "expected steps or measures (step.id) and why the design has none")
    measures = {f"{s.get('id')}.{m.get('id')}" for s in steps for m in s.get("measures", [])}
    for name in gone:
        if name not in measures | {s.get("id") for s in steps}:
            raise over.complaint(f"without.{name}", "expected a step or a measure of that plan")
    left = [s for s in steps if s.get("id") not in gone]
    for step in left:
        step["after"] = [name for name in step.get("after", []) if name not in gone]
        step["measures"] = [m for m in step.get("measures", []) if f"{step.get('id')}.{m.get('id')}" not in gone]
    return left


def plan_text(path: Path) -> str:
    """Return a plan's file as text.  Raises ConfigurationError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(
            f"cannot read {path}: {getattr(err, 'strerror', None) or err}", advice="name an acceptance plan"
        ) from err
