"""Amounts as people write them: `100kW`, `800 W`, `30s`, `1h30m`.  Pure."""

import re

from firmware_bridge.vocabulary.errors import ConfigurationError

_WATTS = {"kw": 1e3, "w": 1.0, "mw": 1e6}
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


def kilowatts(text: str) -> float:
    """Return kW, as `watts`.  Raises ConfigurationError."""
    return watts(text) / 1e3


def watts(text: str) -> float:
    """Return W; the unit has to be there, everywhere: 100 could be either.  Raises ConfigurationError."""
    bare = text.strip()
    if re.fullmatch(r"\d+(?:\.\d+)?", bare):
        raise ConfigurationError(f"{bare} of what?", advice=f"write {bare}W or {bare}kW")
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(kW|W|MW)", bare, re.IGNORECASE)
    if found is None:
        raise ConfigurationError(f"{text!r} is no power", advice="for example 900W, 0.9kW or 100kW")
    return float(found[1]) * _WATTS[found[2].lower()]


def seconds(text: str) -> float:
    """Return s; a bare number is seconds.  Raises ConfigurationError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(min|[smhd])", text)
    if re.fullmatch(r"\s*\d+(?:\.\d+)?\s*", text):
        return float(text)
    if not parts or re.sub(r"(\d+(?:\.\d+)?)\s*(min|[smhd])", "", text).strip():
        raise ConfigurationError(f"{text!r} is no time", advice="for example 30s, 10m, 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
