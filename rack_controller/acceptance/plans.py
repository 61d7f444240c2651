"""A generation's acceptance plan as a file: whole, or another generation's with some of its measures changed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firmware_bridge.generations.load import generation_folders, load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import Located, parse
from rack_controller.prove.accept.plan import Plan, plan_of

FILE = "acceptance.yaml"


def read_plan(path: Path, search: Sequence[Path] = ()) -> tuple[Plan, str]:
    """Return a file's plan and the SHA-256 of all text that it comes from.

    `extends` names the generation whose plan is taken, `changes` what its measures (`step.measure`) say otherwise.
    Raises ConfigurationError when it cannot be read, FileInvalid with file, line and field when it is wrong.
    """
    text = _text(path)
    document = parse(text, str(path))
    if not isinstance(document.value, dict) or "extends" not in document.value:
        return plan_of(document), hashlib.sha256(text.encode()).hexdigest()
    base_path = plan_path(str(document.value["extends"]), search)
    base_text = _text(base_path)
    base = parse(base_text, str(base_path))
    if "extends" in base.value:
        raise document.complaint("extends", "expected a generation whose plan is whole")
    return plan_of(_changed(base, document)), hashlib.sha256((base_text + text).encode()).hexdigest()


def plan_path(generation: str, search: Sequence[Path] = ()) -> Path:
    """Return where a generation's plan is.  Raises ConfigurationError when it has none: limits are a design's own."""
    path = generation_folders(search)[load_generation(generation, search).name] / FILE
    if not path.is_file():
        advice = f"write one beside its rack.yaml; `extends` takes another generation's ({FILE} of gb300-nvl72 does)"
        raise ConfigurationError(f"generation {generation!r} has no {FILE}", advice=advice)
    return path


def _changed(base: Located, over: Located) -> Located:
    value: dict[str, Any] = dict(base.value)
    known = over.value.keys() - {"schema_version", "name", "title", "extends", "changes"}
    if known:
        raise over.complaint(min(known), "expected schema_version, name, title, extends or changes")
    value |= {n: over.value[n] for n in ("schema_version", "name", "title") if n in over.value}
    measures = {f"{s.get('id')}.{m.get('id')}": m for s in value["steps"] for m in s.get("measures", [])}
    changes = over.value.get("changes") or {}
    if not isinstance(changes, dict):
        raise over.complaint("changes", "expected what measures say otherwise, by step and measure")
    for name, said in changes.items():
        if name not in measures:
            raise over.complaint(f"changes.{name}", "expected a measure of that plan as step.measure")
        if not isinstance(said, dict) or "source" not in said:
            raise over.complaint(f"changes.{name}", "expected what it says otherwise, and its source")
        measures[name].update(said)
    return Located(value, base.places)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="name an acceptance plan") from err
