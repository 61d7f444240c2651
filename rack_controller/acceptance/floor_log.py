"""What instruments on the floor logged of a rack: kept file by file as it was handed in, found again by time."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.kept import keep
from rack_controller.prove.accept.evidence import Array
from rack_controller.prove.accept.floor import LoggedReading

SUFFIX = ".log.json"
Column = tuple[Array, Array]
"""Moments in s, rising, and the value at each."""


class Logged(msgspec.Struct, frozen=True):
    """Readings of one series at one place by one instrument, in the order of time."""

    series: str
    place: str
    tester: str
    calibrated_until: str
    unix_s: list[float]
    value: list[float]


class LogFile(msgspec.Struct, frozen=True):
    """One file that was handed in: by whom, when, out of which file, and what it holds."""

    actor: str
    taken_unix_ns: int
    file: str
    file_sha256: str
    logs: list[Logged]


class Used(msgspec.Struct, frozen=True):
    """What a run took of one instrument: how many readings, out of which file, handed in by whom."""

    series: str
    tester: str
    calibrated_until: str
    places: int
    readings: int
    file: str
    file_sha256: str
    actor: str
    taken_unix_ns: int


def keep_log(
    folder: Path, rack: str, readings: Sequence[LoggedReading], actor: str, taken_unix_ns: int, name: str, digest: str
) -> None:
    """Keep a file's readings; the same bytes handed in again replace themselves.  Raises EnvironmentUnfit."""
    found: dict[tuple[str, str, str, str], list[LoggedReading]] = {}
    for one in readings:
        found.setdefault((one.series, one.place, one.tester, one.calibrated_until), []).append(one)
    logs = []
    for key, some in sorted(found.items()):
        ordered = sorted(some, key=lambda r: r.unix_s)
        logs.append(Logged(*key, [r.unix_s for r in ordered], [r.value for r in ordered]))
    _keep(folder, rack, LogFile(actor, taken_unix_ns, name, digest, logs))


def keep_logged(folder: Path, rack: str, logs: list[Logged], actor: str, taken_unix_ns: int, name: str) -> None:
    """Keep what came as no file: its hash is that of the readings.  Raises EnvironmentUnfit."""
    digest = hashlib.sha256(msgspec.json.encode(logs)).hexdigest()
    _keep(folder, rack, LogFile(actor, taken_unix_ns, name, digest, logs))


def _keep(folder: Path, rack: str, file: LogFile) -> None:
    """Keep a file under a name that says from when to when it tells of a rack, whole seconds since 1970."""
    first, last = min(min(log.unix_s) for log in file.logs), max(max(log.unix_s) for log in file.logs)
    name = f"{_stem(rack)}-{int(first)}-{int(last) + 1}-{file.file_sha256[:16]}{SUFFIX}"
    keep(folder / name, msgspec.json.encode(file))


class FloorLogs:
    """The logs of one rack below `folder`.  A file is read once: what was handed in does not change."""

    def __init__(self, folder: Path, rack: str) -> None:
        self._folder, self._stem = folder, _stem(rack)
        self._read: dict[str, LogFile] = {}

    def files(self, since_s: float = 0.0, until_s: float = np.inf) -> list[LogFile]:
        """Return the files with readings between two moments, the oldest first.

        Raises ConfigurationError for one that is broken.
        """
        found = []
        for path in self._folder.glob(f"{self._stem}-*{SUFFIX}"):
            first, last, _ = path.name.removesuffix(SUFFIX).removeprefix(f"{self._stem}-").split("-")
            if float(first) <= until_s and float(last) >= since_s:
                found.append(self._file(path))
        return sorted(found, key=lambda f: f.taken_unix_ns)

    def during(
        self, since_s: float, until_s: float, names: Collection[str]
    ) -> tuple[dict[str, dict[str, Column]], list[Used]]:
        """Return readings of these series between two moments by series and place, and what they came out of.

        Where two files tell of the same moment, the one that was handed in last counts.
        """
        found: dict[str, dict[str, dict[float, float]]] = {}
        used: dict[tuple[str, str, str], list[int]] = {}
        by: dict[tuple[str, str, str], tuple[LogFile, Logged]] = {}
        for file in self.files(since_s, until_s):
            for log in (one for one in file.logs if one.series in names):
                times, values = np.array(log.unix_s), np.array(log.value)
                inside = (times >= since_s) & (times <= until_s)
                if inside.any():
                    pairs = zip(times[inside].tolist(), values[inside].tolist(), strict=True)
                    found.setdefault(log.series, {}).setdefault(log.place, {}).update(pairs)
                    key = (log.series, log.tester, file.file_sha256)
                    used.setdefault(key, []).append(int(inside.sum()))
                    by[key] = (file, log)
        columns = {series: {p: _column(said) for p, said in places.items()} for series, places in found.items()}
        return columns, [_used(*by[key], counts) for key, counts in used.items()]

    def _file(self, path: Path) -> LogFile:
        if path.name not in self._read:
            try:
                self._read[path.name] = msgspec.json.decode(path.read_bytes(), type=LogFile)
            except (OSError, msgspec.MsgspecError) as err:
                raise ConfigurationError(f"{path} cannot be read: {err}", advice="restore it") from err
        return self._read[path.name]


SAME_S = 1e-3
"""Moments that differ by less are one: of seconds since 1970 a float keeps ten millionths."""


def on_times(columns: Mapping[str, Column], places: Sequence[str], times: Array, hold_s: float) -> Array:
    """Return what was logged at each place at given moments, (N, P): the last reading, unless it is too old by then.

    An instrument that logs more rarely holds for one and a half of its own steps.
    """
    values = np.full((len(times), len(places)), np.nan)
    for n, place in enumerate(places):
        if place not in columns or not len(times):
            continue
        at, said = columns[place]
        step = float(np.median(np.diff(at))) if len(at) > 1 else 0.0
        last = np.searchsorted(at, times + SAME_S, side="right") - 1
        fresh = (last >= 0) & (times - at[np.maximum(last, 0)] <= max(hold_s, 1.5 * step))
        values[fresh, n] = said[last[fresh]]
    return values


def _column(said: Mapping[float, float]) -> Column:
    ordered = sorted(said)
    return np.array(ordered), np.array([said[t] for t in ordered])


def _used(file: LogFile, log: Logged, counts: Sequence[int]) -> Used:
    return Used(
        log.series, log.tester, log.calibrated_until, len(counts), sum(counts), file.file, file.file_sha256,
        file.actor, file.taken_unix_ns,
    )  # fmt: skip


def _stem(rack: str) -> str:
    return rack.replace("/", "_").replace("-", "~")
