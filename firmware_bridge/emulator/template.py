"""Device templates compiled once per device kind: each resource becomes JSON pieces with slots between them.

A template is our own YAML (see seeds/devices/README.md).  Nothing here knows an endpoint: values come at request time.
"""

import fnmatch
import itertools
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import yaml

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.live import READERS, Reader, Value
from firmware_bridge.emulator.oddities import as_wanted, identified
from firmware_bridge.emulator.power import PowerData, power_data
from firmware_bridge.emulator.updating import UpdateData, update_data
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.plant.noise import one
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from firmware_bridge.vocabulary.generation import TrayType

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BRACES = re.compile(r"\{(\w+)(?:([+*/%-])(\d+))?\}")
_TOKEN = re.compile(rb'"@@slot:(\d+)@@"')
PLACE_VALUES = ("place.tray_index", "place.unit", "place.ordinal")
VERBS = frozenset(("host_power", "supply_power", "unit_mode", "bmc_reset", "hmc_reset", "aux_cycle"))
_OWN_KEYS = ("$serial", "$uuid", "$mac", "$address", "$certificate", "$time", "$neighbour", "$firmware")
_SLOT_KEYS = ("$live", "$set", *_OWN_KEYS)


@dataclass(frozen=True, slots=True)
class Slot:
    """A value filled in at request time: `name` at `at`, times `scale` plus `offset`, rounded to `digits`.

    `reader` takes it from the plant; without one it is the endpoint's own (`key` says which serial number, setting, …).
    `text` gives it as a string with six decimals; `words` turns codes into words.  `writable`: a PATCH may change it,
    within `least` and `most` or out of `allowed`, and it holds `after` seconds; a slot named `set` keeps what was
    written under its own path, `default` until then; a wall clock runs on from what was written.
    """

    name: str
    at: int = 0
    key: str = ""
    scale: float = 1.0
    offset: float = 0.0
    digits: int = 3
    text: bool = False
    words: tuple[Any, ...] = ()
    writable: bool = False
    least: float | None = None
    most: float | None = None
    after: float = 0.0
    allowed: tuple[Any, ...] = ()
    default: Any = None
    reader: Reader | None = None

    def shown(self, value: Any) -> bytes:
        """Return the JSON of a value; what is not a number that JSON can hold becomes null."""
        if type(value) is float:
            value = round(value * self.scale + self.offset, self.digits)
            return f'"{value:.6f}"'.encode() if self.text else orjson.dumps(value)
        shown = self.words[value] if self.words else value
        return orjson.dumps(str(int(shown)) if self.text and isinstance(shown, int) else shown)


@dataclass(frozen=True, slots=True)
class Node:
    """One resource: pieces of JSON and slots in turn, and where a PATCH may write."""

    pieces: tuple[bytes | Slot, ...]
    writable: dict[tuple[str, ...], Slot] = field(default_factory=dict)
    cited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionNode:
    """A POST target: `verb` is what the device does with the parameter's value, one of `allowed`.

    Without a parameter the value is `means`.  `at`: of which part of the tray, for verbs of one.
    """

    verb: str
    parameter: str
    allowed: tuple[str, ...]
    means: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class DeviceTemplate:
    """Everything a device kind shows, shared by all its endpoints; `hears`: over LLDP, where it is plugged in."""

    device: str
    nodes: dict[str, Node]
    actions: dict[str, ActionNode]
    power: PowerData = field(default_factory=PowerData)
    hears: bool = False
    update: UpdateData | None = None


def load_template(device: str, tray: TrayType, folder: Path | None = None, *, sound: bool = False) -> DeviceTemplate:
    """Load `seeds/devices/<device>.yaml` for a tray type; `sound` leaves the oddities of the recorded device out.

    Raises ConfigurationError or FileInvalid.
    """
    path = (folder or seeds_folder() / "devices") / f"{device}.yaml"
    try:
        document = yaml.load(path.read_bytes(), Loader=_LOADER)  # the loader is a safe one
    except OSError as err:
        raise ConfigurationError(f"no device template {path}", advice="add it, or name another device") from err
    except yaml.YAMLError as err:
        mark = getattr(err, "problem_mark", None)
        raise FileInvalid(str(path), mark.line + 1 if mark else 1, "(syntax)", "expected YAML") from err
    try:
        return _compile(as_wanted(document, sound=sound), tray, sound=sound)
    except (KeyError, TypeError, ValueError, IndexError) as err:
        raise FileInvalid(str(path), 1, "resources", f"expected a device template: {err!r}") from err


def _compile(document: dict[str, Any], tray: TrayType, *, sound: bool) -> DeviceTemplate:
    ranges = {name: _range(spec, tray) for name, spec in document.get("repeats", {}).items()}
    maker = _Maker(tray)
    bodies: dict[str, dict[str, Any]] = {}
    cited: dict[str, tuple[str, ...]] = {}
    actions: dict[str, ActionNode] = {}
    for entry in document["resources"]:
        for bound in _bindings(str(entry), ranges, entry):
            uri = fill(entry.get("uri") or entry.get("collection") or entry["action"], bound)
            if "action" in entry:
                allowed, at = tuple(entry.get("allow", ())), int(fill(str(entry.get("at", 0)), bound))
                actions[uri] = ActionNode(
                    _verb(entry["verb"]), entry.get("parameter", ""), allowed, entry.get("means", ""), at
                )
                continue
            bodies[uri] = {"@odata.id": uri, **maker.filled(entry["body"], bound, ())}
            cited[uri] = tuple(entry.get("cited", {}))
    for entry in document["resources"]:
        if "collection" in entry:
            for bound in _bindings(entry["collection"], ranges, entry):
                _add_members(bodies, fill(entry["collection"], bound))
        if "metrics" in entry:
            maker.add_report(bodies, entry["uri"], entry["metrics"])
    if sound:
        identified(bodies)
    nodes = {uri: maker.node(body, cited[uri]) for uri, body in bodies.items()}
    power, update = power_data(document.get("power", {})), update_data(document.get("update"))
    return DeviceTemplate(document["device"], nodes, actions, power, maker.hears, update)


def _verb(name: str) -> str:
    if name not in VERBS:
        raise ValueError(f"no verb {name!r}, only {', '.join(sorted(VERBS))}")
    return name


def _range(spec: Any, tray: TrayType) -> list[Any]:
    if isinstance(spec, list):
        return spec
    if "component" in spec:
        found = tray.component(spec["component"])
        number = found.count if found is not None else 0
    else:
        number = spec["number"]
    first = spec.get("first", 0)
    return list(range(first, first + number))


def _bindings(text: str, ranges: dict[str, list[Any]], entry: dict[str, Any]) -> list[dict[str, Any]]:
    head = entry.get("uri") or entry.get("collection") or entry["action"]
    names = list(dict.fromkeys(m[1] for m in _BRACES.finditer(head)))
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(ranges[n] for n in names))]


def fill(text: str, bound: dict[str, Any]) -> str:
    """Fill `{gpu}`, `{gpu+1}`, `{gpu/2}` (whole numbers) into a text; unknown names stay as they are."""

    def one(match: re.Match[str]) -> str:
        name, sign, number = match.groups()
        if name not in bound:
            return match[0]
        value = bound[name]
        if sign:
            n = int(number)
            value = {"+": value + n, "-": value - n, "*": value * n, "/": value // n, "%": value % n}[sign]
        return str(value)

    return _BRACES.sub(one, text)


def _add_members(bodies: dict[str, dict[str, Any]], uri: str) -> None:
    prefix = uri + "/"
    members = [u for u in bodies if u.startswith(prefix) and "/" not in u[len(prefix) :]]
    bodies[uri]["Members"] = [{"@odata.id": u} for u in members]
    bodies[uri]["Members@odata.count"] = len(members)


def noisy(reader: Reader | None, name: str, noise: float, share: float) -> Reader | None:
    """Return a reader whose values shake as a meter's do: by `noise` in their unit and by a `share` of themselves, as
    spreads.  A meter shows the same for a second, wherever it is shown, and at the same emulated second for ever."""
    if reader is None or not (noise or share):
        return reader

    def read(bench: Bench, rack: int, tray: int, at: int) -> Value:
        value = reader(bench, rack, tray, at)
        assert isinstance(value, float), f"{name} is no measured value"
        drawn = one(f"{bench.racks[rack]} {tray} {name} {at}", int(bench.time))
        return value + drawn * (noise + share * abs(value))

    return read


class _Maker:
    """Fills bodies and cuts them into pieces; slots are numbered while a template is compiled."""

    def __init__(self, tray: TrayType) -> None:
        self._tray = tray
        self._readers = READERS[tray.kind]
        self._slots: list[tuple[Slot, tuple[str, ...]]] = []

    @property
    def hears(self) -> bool:
        """Tell whether anything filled so far says where the device is plugged in."""
        return any(slot.name == "neighbour" for slot, _ in self._slots)

    def filled(self, value: Any, bound: dict[str, Any], path: tuple[str, ...]) -> Any:
        """Return a body with names filled in and tokens where slots are."""
        if isinstance(value, str):
            return fill(value, bound)
        if isinstance(value, list):
            return [self.filled(v, bound, path) for v in value]
        if not isinstance(value, dict):
            return value
        if "$int" in value:
            return int(fill(value["$int"], bound))
        if "$rating" in value:
            return self._rating(value["$rating"])
        key = next((k for k in _SLOT_KEYS if k in value), None)
        if key is not None:
            return self._token(self._slot(key, value, bound), path)
        return {fill(k, bound): self.filled(v, bound, (*path, k)) for k, v in value.items()}

    def add_report(self, bodies: dict[str, dict[str, Any]], uri: str, globs: list[str]) -> None:
        """Add a metric report's values: of what the globs name the reading, or the property behind `#`."""
        wanted = [(g.partition("#")[0], g.partition("#")[2]) for g in globs]
        values = []
        for at, body in bodies.items():
            names = dict.fromkeys(name for glob, name in wanted if fnmatch.fnmatchcase(at, glob))
            for name in names:
                token: Any = body
                for step in (name or "/Reading").strip("/").split("/"):
                    token = token.get(step) if isinstance(token, dict) else None
                if not isinstance(token, str) or not token.startswith("@@slot:"):
                    continue
                slot, path = self._slots[int(token.strip("@").partition(":")[2])]
                values.append(
                    {
                        "MetricProperty": f"{at}#{name}" if name else at,
                        "MetricValue": self._token(replace(slot, text=True, digits=6), path),
                        "Timestamp": self._token(Slot("time"), ()),
                    }
                )
        bodies[uri]["MetricValues"] = values

    def node(self, body: dict[str, Any], cited: tuple[str, ...]) -> Node:
        """Cut a body into pieces."""
        pieces: list[bytes | Slot] = []
        writable: dict[tuple[str, ...], Slot] = {}
        for n, part in enumerate(_TOKEN.split(orjson.dumps(body))):
            if n % 2 == 0:
                pieces.append(part)
                continue
            slot, path = self._slots[int(part)]
            pieces.append(slot)
            if slot.writable:
                writable[path] = slot
        return Node(tuple(pieces), writable, cited)

    def _token(self, slot: Slot, path: tuple[str, ...]) -> str:
        if slot.name == "set":
            slot = replace(slot, key="/".join(path))
        self._slots.append((slot, path))
        return f"@@slot:{len(self._slots) - 1}@@"

    def _slot(self, key: str, value: dict[str, Any], bound: dict[str, Any]) -> Slot:
        if key == "$set":
            return Slot("set", writable=True, default=value["$set"], allowed=tuple(value.get("allow", ())))
        if key in _OWN_KEYS:
            what = fill(str(value[key]), bound)
            if key == "$firmware":
                return Slot("firmware", key=what, default=value["is"])
            return Slot(key[1:], key=what, writable=(key, what) == ("$time", "wall"))
        at, name = value.get("at", 0), value["$live"]
        limits = value.get("writable") or {}
        if name not in self._readers and name not in PLACE_VALUES:
            raise ValueError(f"no live value named {name} on a {self._tray.kind} tray")
        return Slot(
            name,
            at=int(fill(at, bound)) if isinstance(at, str) else at,
            reader=noisy(self._readers.get(name), name, value.get("noise", 0.0), value.get("noise_share", 0.0)),
            scale=value.get("scale", 1.0),
            offset=value.get("offset", 0.0),
            digits=value.get("round", 3),
            text=bool(value.get("text")),
            words=tuple(value.get("words", ())),
            writable="writable" in value,
            least=self._limit(limits.get("least")),
            most=self._limit(limits.get("most")),
            after=float(limits.get("after", 0.0)),
        )

    def _limit(self, value: Any) -> float | None:
        return self._rating(value) if isinstance(value, str) else value

    def _rating(self, name: str) -> float:
        part, _, figure = name.partition(".")
        found = self._tray.component(part)
        number = getattr(found, figure, None) if found is not None else getattr(self._tray, part, None)
        if number is None:
            raise ValueError(f"the tray type has no rating {name}")
        return int(number) if float(number).is_integer() else float(number)
