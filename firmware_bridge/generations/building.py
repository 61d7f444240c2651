"""The building's points and the site's agreement with it, read from files; what is wrong is told with file and line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.building import (
    BuildingContract,
    BuildingPoint,
    BuildingSide,
    Meaning,
    ObjectKind,
    Speaker,
)
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.building import INTEGRATION
from firmware_bridge.wire.located_yaml import Located, convert, parse

FILE = Path("building") / "dsx-exchange.yaml"
Positive = Annotated[float, msgspec.Meta(gt=0.0)]
NEEDED = frozenset(Meaning) - {Meaning.ECHO, Meaning.OUR_ECHO}


class _PointFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{1,64}$")]
    of: ObjectKind
    by: Speaker
    means: Meaning | None = None
    place: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z_]{0,40}$")] = ""
    quantity: Quantity | None = None
    unit: str = ""
    factor: float = 1.0
    least: float = float("-inf")
    most: float = float("inf")
    states: tuple[int, ...] = ()


class _ContractFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: str
    schema: int
    root: str
    publisher: str
    good: int
    republish_s: Positive
    heartbeat_s: Positive
    heartbeat_lost_s: Positive
    stale_s: Positive
    ahead_s: Positive
    late_s: Positive
    points: list[_PointFile]


def load_building_contract(search: Sequence[Path] = ()) -> BuildingContract:
    """Read the first `building/dsx-exchange.yaml` below `search`, the seed's otherwise.

    Raises ConfigurationError when it cannot be read, FileInvalid when it does not say what it must.
    """
    path = next((p for root in search if (p := root / FILE).is_file()), seeds_folder() / FILE)
    try:
        document = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="restore the file") from err
    file = convert(document, "", _ContractFile)
    _check(document, file)
    points = [
        BuildingPoint(*(p.name, p.of, p.by, p.means, p.place, p.quantity, p.unit, p.factor, p.least, p.most, p.states))
        for p in file.points
    ]
    return BuildingContract(
        file.root,
        file.publisher,
        file.good,
        file.republish_s,
        file.heartbeat_s,
        file.heartbeat_lost_s,
        file.stale_s,
        file.ahead_s,
        file.late_s,
        {p.name: p for p in points},
    )


def _check(document: Located, file: _ContractFile) -> None:
    if (file.kind, file.schema) != ("building_points", 1):
        raise document.complaint("kind", "expected building_points of schema 1")
    if file.heartbeat_lost_s <= file.heartbeat_s:
        raise document.complaint("heartbeat_lost_s", "expected more than heartbeat_s: one must have been due")
    seen: set[str] = set()
    for n, point in enumerate(file.points):
        at = f"points[{n}]"
        for once in {point.name, *([] if point.means is None else [point.means])}:
            if once in seen:
                raise document.complaint(at, f"expected {once} once")
            seen.add(once)
        read = point.by is Speaker.BUILDING and point.of is ObjectKind.RACK
        if read != bool(point.place and point.quantity):
            raise document.complaint(at, "expected place and quantity for what the building says of a rack, only there")
        if bool(point.unit) == bool(point.states) and point.of is ObjectKind.RACK:
            raise document.complaint(at, "expected a unit, or states")
        if point.least >= point.most:
            raise document.complaint(f"{at}.least", "expected less than most")
    missing = sorted(NEEDED - {p.means for p in file.points})
    if missing:
        raise document.complaint("points", f"expected a point that means {', '.join(missing)}")


def building_side(building: Mapping[str, Any], racks: Sequence[Place]) -> BuildingSide | None:
    """Return what a site file agrees with its building, None where it names no integration.

    Keys that are not ours are left alone.  Raises ConfigurationError that names the key.
    """
    if "integration" not in building:
        return None
    name, called = building["integration"], building.get("racks", {})
    if not isinstance(name, str) or not INTEGRATION.fullmatch(name):
        raise ConfigurationError(
            f"site file, building.integration: {name!r}", advice="use the name that the building knows us by"
        )
    if not isinstance(called, Mapping) or not all(isinstance(v, str) and v for v in called.values()):
        raise ConfigurationError("site file, building.racks", advice="write `<rack's place>: <rackLocationId>`")
    strange = sorted(set(called) - set(racks))
    if strange:
        raise ConfigurationError(f"site file, building.racks: {strange[0]} is no rack of the site")
    if len(set(called.values())) != len(called):
        raise ConfigurationError("site file, building.racks: two racks with one id", advice="each has an id of its own")
    return BuildingSide(name, {Place(place): identity for place, identity in called.items()})
