"""`seeds/devices/*.yaml` of kind `modbus`: which plant value stands in which register.  Refuses names nobody knows."""

import fnmatch
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from firmware_bridge.emulator.live import READERS, WRITERS, Reader
from firmware_bridge.emulator.serial.image import Act, Seat, Source, UnitImage
from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import slug, tray_of
from firmware_bridge.wire.located_yaml import Located, convert, parse
from firmware_bridge.wire.modbus.register_map import Kind, Register, RegisterMap
from firmware_bridge.wire.modbus.values import Value

_BINDINGS = "expected a number, a text, or a mapping with one of live, serial, bits, leaks, address"


class _WriteFile(msgspec.Struct, forbid_unknown_fields=True):
    register: str
    does: str
    bits: list[str] = []  # left out: the number that is written
    level: bool = False  # the bits are kept, and every write of the register says whether one is set


class _PartFile(msgspec.Struct, forbid_unknown_fields=True):
    map: str
    part: str = ""
    registers: dict[str, Any] = {}
    writes: list[_WriteFile] = []


class _DeviceFile(msgspec.Struct, forbid_unknown_fields=True):
    schema: Annotated[int, msgspec.Meta(ge=1, le=1)]
    kind: Literal["modbus"]
    device: str
    source: str
    parts: Annotated[list[_PartFile], msgspec.Meta(min_length=1)]


def load_images(path: Path, tray: TrayKind, maps: tuple[Path, ...] = ()) -> dict[str, UnitImage]:
    """Load a device file for a kind of tray: an image per part (`psu`, `""` for the tray itself).

    `maps`: folders with register maps that come before the seeds'.  Raises ConfigurationError or FileInvalid.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="add it, or name another device") from err
    document = parse(text, str(path))
    if not isinstance(document.value, dict):
        raise document.complaint("", "expected a mapping with kind: modbus")
    stated = convert(document, "", _DeviceFile)
    images: dict[str, UnitImage] = {}
    for n, part in enumerate(stated.parts):
        if part.part in images:
            raise document.complaint(f"parts[{n}].part", f"expected each part once, {part.part!r} is taken")
        images[part.part] = _image(document, f"parts[{n}]", part, READERS[tray], maps)
    return images


def _image(
    document: Located, path: str, part: _PartFile, readers: dict[str, Reader], maps: tuple[Path, ...]
) -> UnitImage:
    register_map = load_register_map(part.map, maps)
    maker = _Maker(document, readers)
    sources: dict[int, Source] = {}
    fixed: dict[int, Value] = {}
    for name, said in part.registers.items():
        where = f"{path}.registers.{name}"
        for register in _registers(document, where, register_map, name, part.registers):
            if isinstance(said, str | int | float) and not isinstance(said, bool):
                fixed[register.at] = maker.fixed(where, register, said)
            else:
                sources[register.at] = maker.source(where, register, said)
    acts: dict[int, tuple[Act, ...]] = {}
    for n, write in enumerate(part.writes):
        where = f"{path}.writes[{n}]"
        register = _register(document, f"{where}.register", register_map, write.register)
        if write.does not in WRITERS:
            raise document.complaint(f"{where}.does", f"expected one of {', '.join(sorted(WRITERS))}")
        if not write.bits and (register.kind is not Kind.NUMBER or register.words != 1):
            raise document.complaint(f"{where}.bits", "expected bits, or a number of one word without them")
        if write.level and not write.bits:
            raise document.complaint(f"{where}.level", "expected a level beside bits only")
        masks = (1 << _bit(document, f"{where}.bits", register, b) for b in write.bits)
        act = Act(sum(masks), WRITERS[write.does], write.level)
        acts[register.at] = (*acts.get(register.at, ()), act)
    return UnitImage(register_map, sources, fixed, acts)


class _Maker:
    """Turns what a file says about a register into a source; complaints point at the line."""

    def __init__(self, document: Located, readers: dict[str, Reader]) -> None:
        self._document, self._readers = document, readers

    def source(self, path: str, register: Register, said: Any) -> Source:
        if not isinstance(said, dict):
            raise self._complaint(path, _BINDINGS)
        if "live" in said:
            return self._live(path, said, register)
        if "serial" in said:
            return _serial(str(said["serial"]), 2 * register.words)
        if "bits" in said and isinstance(said["bits"], dict):
            return self._bits(path, register, said["bits"])
        if said.get("leaks") is True:
            return self._leaks(path, register)
        if said.get("address") is True:
            return lambda seat: seat.address
        raise self._complaint(path, _BINDINGS)

    def fixed(self, path: str, register: Register, said: float | str) -> Value:
        if isinstance(said, str) != (register.kind is Kind.TEXT):
            raise self._complaint(path, f"expected what fits a register of type {register.kind}, got {said!r}")
        return said

    def _live(self, path: str, said: dict[str, Any], register: Register | None = None) -> Source:
        if register is not None and register.kind not in (Kind.NUMBER, Kind.FLAGS):
            raise self._complaint(path, "expected live values only in registers of type number or flags")
        unknown = set(said) - {"live", "at", "scale", "offset"}
        if unknown:
            raise self._complaint(path, f"expected live, at, scale, offset, got {', '.join(sorted(unknown))}")
        reader = self._reader(path, str(said["live"]))
        at, scale, offset = said.get("at"), said.get("scale", 1), said.get("offset", 0)
        if not isinstance(at, int | None) or not isinstance(scale, int | float) or not isinstance(offset, int | float):
            raise self._complaint(path, "expected numbers for at, scale and offset")

        def read(seat: Seat) -> Value:
            value = reader(seat.bench, seat.rack, seat.tray, seat.at if at is None else at)
            assert not isinstance(value, str), f"{said['live']} is a text"
            return (value or 0) * scale + offset

        return read

    def _bits(self, path: str, register: Register, said: dict[str, Any]) -> Source:
        lit: list[tuple[int, Source]] = []
        for name, what in said.items():
            mask = 1 << _bit(self._document, f"{path}.bits.{name}", register, name)
            if isinstance(what, bool):
                lit.append((mask, lambda seat, on=what: int(on)))  # type: ignore[misc]
            else:
                live = what if isinstance(what, dict) else {"live": what}
                lit.append((mask, self._live(f"{path}.bits.{name}", live)))
        return lambda seat: sum(mask for mask, source in lit if source(seat))

    def _leaks(self, path: str, register: Register) -> Source:
        masks = [(1 << b.number, int(b.leak.removeprefix("leak"))) for b in register.bits if b.leak]
        if not masks:
            raise self._complaint(path, "expected a register whose bits name leak detectors")
        reader = self._reader(path, "cdu.leak")
        return lambda seat: sum(m for m, at in masks if reader(seat.bench, seat.rack, seat.tray, at))

    def _reader(self, path: str, name: str) -> Reader:
        if name not in self._readers:
            raise self._complaint(path, f"expected one of {', '.join(sorted(self._readers))}, got {name!r}")
        return self._readers[name]

    def _complaint(self, path: str, expected: str) -> FileInvalid:
        return self._document.complaint(path, expected)


def _serial(key: str, size: int) -> Source:
    """Give an obviously emulated serial number, unique by place; a digest of it where the register is too short."""

    def read(seat: Seat) -> Value:
        full = f"EMU-{slug(tray_of(seat.place)).upper()}-{key}{seat.at}"
        if len(full) <= size:
            return full
        return ("EMU-" + hashlib.blake2s(full.encode()).hexdigest().upper())[:size]

    return read


def _registers(
    document: Located, path: str, register_map: RegisterMap, name: str, named: Collection[str]
) -> list[Register]:
    """Return the register of this name; of a glob all that fit and have no entry of their own."""
    if "*" not in name:
        return [_register(document, path, register_map, name)]
    found = [r for r in register_map.registers if fnmatch.fnmatchcase(r.name, name) and r.name not in named]
    if not found:
        raise document.complaint(path, f"expected registers of {register_map.name}, none fits {name!r}")
    return found


def _register(document: Located, path: str, register_map: RegisterMap, name: str) -> Register:
    found = register_map.by_name.get(name)
    if found is None:
        raise document.complaint(path, f"expected a register of {register_map.name}, it has none called {name!r}")
    return found


def _bit(document: Located, path: str, register: Register, name: str) -> int:
    for bit in register.bits:
        if bit.name == name:
            return bit.number
    known = ", ".join(b.name for b in register.bits) or "none"
    raise document.complaint(path, f"expected a bit of {register.name} ({known})")
