"""A question over time: what `from`, `to` and `step` mean.  Pure: `now` is an argument; refuses what makes no sense."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_POINTS = 50_000
MOST_SERIES = 32
_RELATIVE = re.compile(r"-(\d+(?:\.\d+)?)(s|m|min|h|d|w)?")
_UNITS_S = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_ROUND_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400)
_WANTED = 720
_LATEST_S = 253_402_300_799.0


@dataclass(frozen=True, slots=True)
class Span:
    """Whole buckets of `step_s` from `from_s` on (Unix s, a multiple of the step)."""

    from_s: int
    step_s: int
    buckets: int

    @property
    def to_s(self) -> int:
        """Return the end, Unix s, exclusive."""
        return self.from_s + self.step_s * self.buckets


class TooManyPoints(ValueError):
    """The answer would be too long; `step_s` is the smallest round step that fits."""

    def __init__(self, points: int, step_s: int) -> None:
        super().__init__(f"{points:,} points are too many (at most {MOST_POINTS:,}): use step {step_s} or more")
        self.step_s = step_s


def parse_time(text: str, now_s: float) -> float:
    """Return Unix s of an ISO 8601 time (UTC unless it says else), Unix s, `now` or `-1h`.  Raises ValueError."""
    wish = text.strip()
    relative = _RELATIVE.fullmatch(wish)
    if wish == "now":
        return now_s
    try:
        if relative is not None and (relative[2] or float(relative[1])):
            moment = now_s - float(relative[1]) * _UNITS_S[relative[2]]
        elif re.fullmatch(r"\d+(\.\d+)?", wish):
            moment = float(wish)
        else:
            parsed = datetime.fromisoformat(wish)
            moment = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as err:
        raise ValueError(f"{text!r} is no time: give ISO 8601, Unix seconds, `now` or `-1h`") from err
    if not 0 <= moment <= _LATEST_S:
        raise ValueError(f"{text!r} lies outside 1970 to 9999")
    return moment


def parse_step(text: str, from_s: float, to_s: float) -> int:
    """Return the step in s; `auto` aims at 720 buckets.  Raises ValueError."""
    if text == "auto":
        least = (to_s - from_s) / _WANTED
        return _round_step(least)
    if not re.fullmatch(r"\d{1,8}", text) or int(text) < 1:
        raise ValueError(f"{text!r} is no step: give whole seconds from 1 on, or `auto`")
    return int(text)


def make_span(from_s: float, to_s: float, step_s: int, series: int) -> Span:
    """Return the buckets that cover `from_s` to `to_s`.  Raises ValueError; TooManyPoints of all series together."""
    if to_s <= from_s:
        raise ValueError("`to` must lie after `from`")
    begin = int(from_s // step_s) * step_s
    buckets = math.ceil((to_s - begin) / step_s)
    if buckets * series > MOST_POINTS:
        least = (to_s - from_s) * series / (MOST_POINTS - 2 * series)
        raise TooManyPoints(buckets * series, _round_step(least))
    return Span(begin, step_s, buckets)


def _round_step(least_s: float) -> int:
    """Return the smallest step that people would choose, of at least `least_s`; above a day whole days."""
    days = math.ceil(least_s / _ROUND_STEPS_S[-1]) * _ROUND_STEPS_S[-1]
    return next((step for step in _ROUND_STEPS_S if step >= least_s), days)
