"""`sequence.yaml` becomes a Sequence, or an error that names file, line, field and what was expected."""

from pathlib import Path
from typing import Any

from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.quantities import CODES, SPECS
from firmware_bridge.vocabulary.sequence import Acts, Check, Sequence, Stage
from firmware_bridge.wire.located_yaml import Located, convert, merge, parse

_ON = frozenset({PowerAction.ON})
_HOST_OFF = frozenset({PowerAction.GRACEFUL_OFF, PowerAction.FORCE_OFF})
_AUX_OFF = frozenset({PowerAction.AUX_OFF})


def read_sequence(name: str, folders: dict[str, Path]) -> Sequence | None:
    """Return a generation's sequence, None when it states none.  One `extends:` lays it over another generation's.

    Raises ConfigurationError or FileInvalid.
    """
    path = folders[name] / "sequence.yaml"
    if not path.exists():
        return None
    document = _read(path)
    base = document.value.get("extends")
    if base is not None:
        below = folders[base] / "sequence.yaml" if base in folders else None
        if below is None or not below.exists() or base == name:
            raise document.complaint("extends", "expected another generation with a sequence.yaml")
        lower = _read(below)
        if "extends" in lower.value:
            raise document.complaint("extends", f"expected a sequence that extends none, as that of {base} does")
        over = {key: value for key, value in document.value.items() if key != "extends"}
        document = merge(lower, Located(over, document.places))
    sequence = convert(document, "", Sequence)
    _check(document, sequence)
    return sequence


def _read(path: Path) -> Located:
    document = parse(path.read_text(encoding="utf-8"), str(path))
    if not isinstance(document.value, dict):
        raise document.complaint("", "expected a mapping")
    return document


def _check(document: Located, sequence: Sequence) -> None:
    for kind, acts in sequence.acts.items():
        for field, allowed in (("host_on", _ON), ("host_off", _HOST_OFF), ("aux_off", _AUX_OFF)):
            for n, act in enumerate(getattr(acts, field)):
                if act.action not in allowed:
                    said = f"expected {' or '.join(sorted(allowed))}, got {act.action}"
                    raise document.complaint(f"acts.{kind}.{field}[{n}].action", said)
    for field in ("power_on", "power_off"):
        names: set[str] = set()
        for n, stage in enumerate(getattr(sequence, field)):
            path = f"{field}[{n}]"
            if stage.name in names:
                raise document.complaint(f"{path}.name", f"expected each stage once, got {stage.name!r} again")
            names.add(stage.name)
            _check_stage(document, path, stage, sequence.acts)


def _check_stage(document: Located, path: str, stage: Stage, acts: dict[Any, Acts]) -> None:
    for n, kind in enumerate(stage.of):
        if kind not in acts:
            raise document.complaint(f"{path}.of[{n}]", f"expected a kind with `acts`, got {kind!r}")
    for field in ("before", "after"):
        for n, check in enumerate(getattr(stage, field)):
            expected = _wrong(check)
            if expected:
                raise document.complaint(f"{path}.{field}[{n}]", expected)


def _wrong(check: Check) -> str:
    """Return what a check would need to mean anything, empty when it does."""
    bounds = [check.wanted, check.least, check.most, check.over_supply_k]
    if (check.quantity is None) == (not check.same_version):
        return "expected either `quantity` or `same_version`"
    if check.sensors and (check.part or check.quantity is None):
        return "expected `sensors` beside `quantity`, and instead of `part`"
    if check.quantity is None:
        return "expected no bounds beside `same_version`" if any(b is not None for b in bounds) else ""
    if check.wanted is not None and check.wanted not in CODES.get(check.quantity, {}).values():
        known = ", ".join(CODES.get(check.quantity, {}).values()) or "a number: it has no words"
        return f"expected `is` to be a word of {check.quantity} ({known}), got {check.wanted!r}"
    if all(b is None for b in bounds) and check.share_error is None:
        return "expected `is`, `least`, `most`, `over_supply_k` or `share_error`"
    if check.per and (check.share_error is None or check.part or check.sensors):
        return "expected `per` beside `share_error`, of trays and not of their parts"
    if check.over_supply_k is not None and SPECS[check.quantity].unit != "°C":
        return f"expected a temperature beside `over_supply_k`, got {check.quantity}"
    return ""
