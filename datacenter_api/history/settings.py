"""How long history is kept, how much disk it may take and how it is cut into segments.  Reads the environment once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.errors import ConfigurationError

DAY_S = 86_400
BUDGET_VARIABLE = "RACKWRIGHT_HISTORY_BUDGET"
WINDOW_VARIABLE = "RACKWRIGHT_HISTORY_WINDOW"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """`window_s` divides a day; `grace_s` is how long a window stays open after its end, for late frames.

    Points are kept `seconds_kept_s`, minutes `minutes_kept_s`; `budget_bytes` bounds both together.  `retry_s` passes
    between attempts after a fault, `unexplained_s` before frames of an unknown table are set aside.
    """

    window_s: int = 600
    grace_s: float = 15.0
    seconds_kept_s: int = DAY_S
    minutes_kept_s: int = 365 * DAY_S
    budget_bytes: int = 8 * 2**30
    retry_s: float = 5.0
    tidy_every_s: float = 30.0
    unexplained_s: float = 60.0

    def __post_init__(self) -> None:
        if self.window_s < 1 or DAY_S % self.window_s:
            raise ConfigurationError(
                f"a history window of {self.window_s} s does not divide a day", advice="for example 600 or 60"
            )


def settings_from(environment: Mapping[str, str] = os.environ) -> HistorySettings:
    """Read `RACKWRIGHT_HISTORY_BUDGET` (`8GiB`) and `RACKWRIGHT_HISTORY_WINDOW` (s).  Raises ConfigurationError."""
    window = environment.get(WINDOW_VARIABLE, "600")
    if not window.isdigit():
        raise ConfigurationError(f"{WINDOW_VARIABLE}={window}: expected whole seconds", advice="for example 600")
    seconds = int(window)
    return HistorySettings(
        window_s=seconds,
        grace_s=min(15.0, seconds / 4),
        budget_bytes=parse_size(environment.get(BUDGET_VARIABLE, "8GiB")),
    )


def parse_size(text: str) -> int:
    """Read `500MB`, `8GiB` or plain bytes.  Raises ConfigurationError."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"{BUDGET_VARIABLE}={text}: expected a size", advice="for example 8GiB")
    return int(float(found.group(1)) * _UNITS[(found.group(2) or "").lower()])
