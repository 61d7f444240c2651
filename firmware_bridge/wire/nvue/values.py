"""Single values as NVOS spells them: a number is taken or refused, never guessed.  Source: decision 0020."""

import re
from typing import Any

from firmware_bridge.wire.redfish.numbers import number

NO_ERRORS_BELOW = 1e-30
"""`15E-255` is how the firmware writes that it has seen no error; a float32 could not hold it either."""
_MOST_COUNT = 2**53
_SPEED = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s?G(?:b/s|bps)?", re.IGNORECASE)


def ratio(value: Any) -> float | None:
    """Return an error ratio (0 to 1) from a number or text such as `3E-9`, None for anything else (`N/A`)."""
    found = number(value)
    if found is None or not 0.0 <= found <= 1.0:
        return None
    return 0.0 if found < NO_ERRORS_BELOW else float(found)


def count(value: Any) -> int | None:
    """Return a counter's whole number, None for text, fractions and what a counter cannot be (negative, too large)."""
    found = number(value)
    if found is None or not 0 <= found <= _MOST_COUNT or found != int(found):
        return None
    return int(found)


def speed_gbps(value: Any) -> float | None:
    """Return Gbit/s from `400G` or the fastest of a list (`200G,400G`), None when there is none."""
    found = [float(m[1]) for m in _SPEED.finditer(value[:200])] if isinstance(value, str) else []
    return max(found, default=None)


def word(value: Any) -> str:
    """Return a state's word: text itself, or the one key of NVUE's `{"up": {}}`.  Empty for anything else."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict) and len(value) == 1:
        return str(next(iter(value))).strip()
    return ""


def branch(document: Any, *names: str) -> dict[str, Any]:
    """Return the object found by walking `names` down from `document`, empty when there is none."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def first(document: dict[str, Any], *names: str) -> Any:
    """Return the first of `names` that is there and not null: firmware lines spell the same thing differently."""
    return next((document[name] for name in names if document.get(name) is not None), None)
