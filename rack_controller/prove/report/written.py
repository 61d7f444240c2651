"""Numbers, times and places as a report writes them: four figures, units that people read, nothing longer."""

import datetime

from rack_controller.prove.accept.plan import MeasureSpec, Rule
from rack_controller.prove.accept.reaction import unit_weighed

NONE = "–"
_LARGER = {"W": (1e4, 1e3, "kW"), "Hz": (1e6, 1e6, "MHz"), "J": (1e6, 1e6, "MJ")}
"""From which size on a number is written in a larger unit, by what it is divided, and that unit."""
_SILENT = frozenset({"", "1", "code"})
NEVER_S = 8e9
"""What a settling time is written as that never ends."""


def quantity(value: float | str | None, unit: str) -> str:
    """Return a value with its unit; texts stand as they are, `–` for none."""
    if value is None or value != value:
        return NONE
    if isinstance(value, str):
        return value
    if unit == "s" and value > NEVER_S:
        return "never"
    by, unit = larger(abs(value), unit)
    text = figures(value / by)
    if unit == "W":
        text = text.replace("\u202f", "")  # as power is written everywhere: 1200 W, 22.9 kW
    return text if unit in _SILENT else f"{text}\u00a0{unit}"


def larger(size: float, unit: str) -> tuple[float, str]:
    """Return by what values of this size are divided where people read them in a larger unit, and that unit."""
    least, by, name = _LARGER.get(unit, (float("inf"), 1.0, unit))
    return (by, name) if size >= least else (1.0, unit)


def figures(value: float) -> str:
    """Return a number by four figures, thousands apart, without an exponent where it can be read without."""
    if value == 0.0:
        return "0"
    size = abs(value)
    if size >= 1e7 or size < 1e-4:
        return f"{value:.3g}"
    digits = 0 if size >= 1_000 else 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 1 else 4
    text = f"{value:z,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace(",", "\u202f").replace("-", "−")


def unit_of(spec: MeasureSpec | None, measure: str, judged: int, unit: str) -> str:
    """Return the unit of a measure's values, also of runs that were sealed with the unit of what was read."""
    if measure.startswith("motion_"):
        return "1"
    return unit if spec is None else unit_weighed(spec.rule, judged, unit)


def limit_of(
    spec: MeasureSpec | None, limit: float | str | None, value: float | str | None, unit: str, *, within: bool
) -> str:
    """Return the limit that a part was held against: both bounds where its plan has fixed ones.

    `within`: the part's value is; on which side of the limit is good follows from it.
    """
    if spec is not None and spec.rule in {Rule.RANGE, Rule.ALONE, Rule.RECORD, Rule.REMOVED, Rule.TAKES}:
        if spec.least is not None and spec.most is not None:
            return f"{quantity(spec.least, '')} … {quantity(spec.most, unit)}"
        if spec.least is not None or spec.most is not None:
            sign, bound = ("≥", spec.least) if spec.least is not None else ("≤", spec.most)
            return f"{sign} {quantity(bound, unit)}"
    if spec is not None and spec.wanted:
        return " or ".join(_word(w) for w in spec.wanted)
    if isinstance(limit, int | float) and isinstance(value, int | float):
        return f"{'≥' if (value > limit) is within else '≤'} {quantity(limit, unit)}"
    return quantity(limit, unit)


def stamp(unix_ns: int) -> str:
    """Return a moment in UTC, to the second."""
    return datetime.datetime.fromtimestamp(unix_ns // 10**9, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """Return a length of time in at most two units: `14 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.0f}\u00a0s"
    if whole < 3_600:
        return f"{whole // 60}\u00a0min" + (f" {whole % 60}\u00a0s" if whole % 60 else "")
    return f"{whole // 3_600}\u00a0h" + (f" {whole % 3_600 // 60}\u00a0min" if whole % 3_600 // 60 else "")


def short(place: str, rack: str) -> str:
    """Return a place below its rack."""
    return place.removeprefix(rack + "/")


def plural(count: int, noun: str) -> str:
    """Return `1 part`, `2 parts`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}".replace(",", "\u202f")


def _word(value: str | float | bool) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
