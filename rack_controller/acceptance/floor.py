"""What the floor handed in of racks in a state directory: taken from files whole, records kept by check and place.

Readings that instruments logged are kept file by file (`floor_log`).
"""

import datetime
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.installation import own_generations, site_file
from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import convert, parse
from rack_controller.acceptance.floor_log import keep_log
from rack_controller.acceptance.kept import keep
from rack_controller.acceptance.run import FOLDER
from rack_controller.prove.accept.evidence import FactValue, FloorRecord
from rack_controller.prove.accept.floor import Checks, Known, read_floor
from rack_controller.prove.accept.parts import parts_of
from rack_controller.prove.complaints import Complaints

FLOOR = "floor"


class Noted(msgspec.Struct, frozen=True):
    """One record as it is kept: what, who handed it in when, out of which file."""

    kind: str
    place: str
    numbers: dict[str, float]
    tester: str
    calibrated_until: str
    on: str
    actor: str
    taken_unix_ns: int
    file: str
    file_sha256: str
    texts: dict[str, str] = {}

    @property
    def record(self) -> FloorRecord:
        """Return it as judges see it."""
        return FloorRecord(self.kind, self.place, self.numbers, self.tester, self.calibrated_until, self.on, self.texts)


class FloorTaken(msgspec.Struct, frozen=True):
    """What was kept of a file, and of which rack; nothing where it has complaints."""

    rack: str
    records: int = 0
    readings: int = 0


def read_checks(path: Path | None = None) -> Checks:
    """Return the checks and instruments that ship, or a file's.  Raises ConfigurationError, FileInvalid."""
    path = path or seeds_folder() / "acceptance" / "floor.yaml"
    try:
        return convert(parse(path.read_text(encoding="utf-8"), str(path)), "", Checks)
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="name a file that is there") from err


def take_floor(
    state: Path, rack: str, data: bytes, name: str, actor: str, generation: str = ""
) -> tuple[FloorTaken, Complaints]:
    """Take what a file says of a rack, all of it or nothing; returns how much, and what is wrong with which row.

    `rack`: its place, or its last part where the site file knows it; `generation` where it does not.
    Raises ConfigurationError for a rack that nobody knows, EnvironmentUnfit when nothing can be kept.
    """
    place, design = _rack(state, rack, generation)
    loaded = load_generation(design, own_generations(state))
    parts = parts_of(loaded, design_of(loaded))
    complaints = Complaints()
    now = datetime.datetime.now(datetime.UTC)
    handed = read_floor(data, Known(parts.kind_of, read_checks(), now, place), complaints)
    if len(complaints):
        return FloorTaken(place), complaints
    digest, taken = hashlib.sha256(data).hexdigest(), time.time_ns()
    if handed.readings:
        keep_log(state / FOLDER / FLOOR, place, handed.readings, actor, taken, name, digest)
    if handed.records:
        _keep_records(state, place, handed.records, (actor, taken, name, digest))
    return FloorTaken(place, len(handed.records), len(handed.readings)), complaints


def _keep_records(state: Path, rack: str, records: list[FloorRecord], by: tuple[str, int, str, str]) -> None:
    """Keep the newest record of each check and place."""
    kept = {(n.kind, n.place): n for n in noted(state, rack)}
    for r in records:
        old = kept.get((r.kind, r.place))
        if old is None or old.on <= r.on:
            kept[r.kind, r.place] = Noted(
                r.kind, r.place, dict(r.numbers), r.tester, r.calibrated_until, r.on, *by, dict(r.texts)
            )
    ordered = [kept[key] for key in sorted(kept)]
    keep(_path(state, rack), msgspec.json.format(msgspec.json.encode(ordered)))


def noted(state: Path, rack: str) -> list[Noted]:
    """Return what the floor handed in of a rack, by check and place.  Raises ConfigurationError for a broken file."""
    path = _path(state, rack)
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Noted])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as err:
        raise ConfigurationError(f"{path} cannot be read: {err}", advice="restore it") from err


def records_of(state: Path, rack: str) -> tuple[FloorRecord, ...]:
    """Return the floor's records of a rack as judges see them."""
    return tuple(n.record for n in noted(state, rack))


def facts_of(records: Sequence[FloorRecord], checks: Checks) -> dict[str, dict[str, FactValue]]:
    """Return what records tell of parts as facts, by place; the newest of a place counts."""
    told: dict[str, dict[str, FactValue]] = {}
    for record in sorted(records, key=lambda r: r.on):
        check = checks.checks.get(record.kind)
        if check is not None and check.facts:
            told.setdefault(record.place, {}).update({**record.numbers, **record.texts})
    return told


def place_of(state: Path, rack: str) -> str:
    """Return a rack's place by its last part, as the site file has it; unknown names are taken as they are."""
    return next((p for p in _racks(state) if rack in (p, p.rpartition("/")[2])), rack)


def _rack(state: Path, rack: str, generation: str) -> tuple[str, str]:
    place = place_of(state, rack)
    known = generation or _racks(state).get(place, "")
    if not known:
        advice = f"known are {', '.join(_racks(state)) or 'none'}; or name its --generation"
        raise ConfigurationError(f"nobody knows of what design {rack!r} is", advice=advice)
    return place, known


def _racks(state: Path) -> dict[str, str]:
    path = site_file(state)
    return {str(r.place): r.generation for r in read_site(path).racks} if path.is_file() else {}


def _path(state: Path, rack: str) -> Path:
    return state / FOLDER / FLOOR / f"{rack.replace('/', '_')}.json"
