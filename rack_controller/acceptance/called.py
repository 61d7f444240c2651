"""By which name of a plan a reading of the product goes, from data: `seeds/acceptance/readings.yaml`."""

import math
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import convert, parse
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import SeriesName

MOST_KEPT = 50_000


class Renamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The series that a reading is.  `log10`: its decimal logarithm is, in `unit`; what is less than `least`, zero too,
    is as good as that."""

    series: SeriesName
    unit: str = ""
    log10: bool = False
    least: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0


class Sensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sensor `at` a kind of tray, and the series of which part (`part`) it is."""

    at: Annotated[str, msgspec.Meta(pattern=r"^[a-z]+/.+$")]
    quantity: str
    series: SeriesName
    part: str = ""
    less: int = 0


class FirmwareOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of a firmware inventory `at` a kind of tray and endpoint, and the `part` of that tray that runs it."""

    at: Annotated[str, msgspec.Meta(pattern=r"^[a-z]+/.+$")]
    part: str
    less: int = 0


class Calls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    schema_version: Literal[1]
    fans_per_tray: Annotated[int, msgspec.Meta(ge=0, le=32)]
    renamed: dict[SeriesName, Renamed] = {}
    sensors: list[Sensor] = []
    firmware: list[FirmwareOf] = []
    unlike: dict[SeriesName, str] = {}


@dataclass(frozen=True, slots=True)
class Called:
    """Series, place below the rack and unit (empty: the reading's own) of a reading; `log10` of its value, which counts
    as no less than `least`.

    `listed`: the data name this sensor for it, so that it counts where a part itself tells the same quantity too.
    """

    series: str
    place: str
    unit: str = ""
    log10: bool = False
    listed: bool = False
    least: float = 0.0

    def value_of(self, value: float | None) -> float:
        """Return the series' value, NaN for unknown."""
        if value is None:
            return math.nan
        if not self.log10:
            return float(value)
        value = value if value < 0.0 else max(value, self.least)
        return math.log10(value) if value > 0.0 else math.nan


class Names:
    """Names of the readings of racks with these parts; what was looked up once is known."""

    def __init__(self, parts: Parts, calls: Calls | None = None) -> None:
        self._parts, calls = parts, calls or read_calls()
        self._renamed = calls.renamed
        self._sensors = [(s, re.compile(s.at)) for s in calls.sensors]
        self.unlike = frozenset(calls.unlike)
        self._firmware = [(f, re.compile(f.at)) for f in calls.firmware]
        self.of = lru_cache(maxsize=MOST_KEPT)(self._called)

    def part_of(self, endpoint: str, entry: str) -> str:
        """Return the part that runs an entry of an endpoint's firmware inventory, empty where none is known to."""
        tray, _, name = endpoint.partition("/")
        at = f"{self._parts.kind_of(tray)}/{name}/{entry}"
        for known, pattern in self._firmware:
            if (found := pattern.fullmatch(at)) is not None:
                place = f"{tray}/{known.part.format(*(int(n) - known.less for n in found.groups()))}"
                return place if self._parts.kind_of(place) else ""
        return ""

    def _called(self, place: str, quantity: str) -> Called | None:
        """Return what a reading is called, None for what is at no place of the rack."""
        kind = self._parts.kind_of(place)
        if kind:
            name = f"{kind}.{quantity}"
            other = self._renamed.get(name)
            if other is None:
                return Called(name, place)
            return Called(other.series, place, other.unit, other.log10, least=other.least)
        tray, _, leaf = place.partition("/")
        at = f"{self._parts.kind_of(tray)}/{leaf}"
        for sensor, pattern in self._sensors:
            found = pattern.fullmatch(at) if sensor.quantity == quantity else None
            if found is not None:
                return self._placed(sensor, tray, found)
        return None

    def _placed(self, sensor: Sensor, tray: str, found: re.Match[str]) -> Called | None:
        part = sensor.part.format(*(int(n) - sensor.less for n in found.groups()))
        place = part if part == "rack" else f"{tray}/{part}" if part else tray
        return Called(sensor.series, place, listed=True) if self._parts.kind_of(place) else None


@cache
def read_calls(path: Path | None = None) -> Calls:
    """Return the names that ship, or a file's.  Raises ConfigurationError, FileInvalid."""
    path = path or seeds_folder() / "acceptance" / "readings.yaml"
    try:
        return convert(parse(path.read_text(encoding="utf-8"), str(path)), "", Calls)
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="name a file that is there") from err


def kinds_with_firmware() -> frozenset[str]:
    """Return the kinds of part that tell their own firmware."""
    return frozenset(known.part.partition("{")[0] for known in read_calls().firmware)
