"""From resources to physical parts: the kind of each, and which resources are two views of one part."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firmware_bridge.vocabulary.facts import Fact
from firmware_bridge.vocabulary.inventory import Item, ItemKind, Note
from firmware_bridge.wire.redfish.catalog import Catalog, Entry
from firmware_bridge.wire.redfish.facts import facts_of
from firmware_bridge.wire.redfish.legacy import legacy_parts
from firmware_bridge.wire.redfish.numbers import number, usable

_PROCESSORS = {"gpu": ItemKind.GPU, "cpu": ItemKind.CPU, "dpu": ItemKind.DPU}
_NOT_PARTS = frozenset({"core", "thread", "partition"})
# ProcessorType values that do not say what it is; its maker's words may.
_VAGUE = frozenset({"accelerator", "oem"})
_KINDS = {
    "PowerSupply": ItemKind.PSU,
    "Pump": ItemKind.PUMP,
    "Fan": ItemKind.FAN,
    "Drive": ItemKind.DRIVE,
    "Memory": ItemKind.MEMORY,
    "Chassis": ItemKind.CHASSIS,
    "Outlet": ItemKind.OUTLET,
    "Battery": ItemKind.OTHER,
    "Filter": ItemKind.OTHER,
    "Reservoir": ItemKind.OTHER,
    "CoolingUnit": ItemKind.OTHER,
    "PowerDistribution": ItemKind.OTHER,
    "Heater": ItemKind.OTHER,
}
# Redfish has no property that tells a data processing unit from a plain adapter; its makers say so in these words.
_DPU_WORDS = re.compile(r"\b(?:dpu|bluefield|smartnic|ipu)\b")
_GPU_WORDS = re.compile(r"\b(?:gpu|graphics processing unit)\b|\bgpu(?=\d)")
# PCI class codes (PCI-SIG): 3D controller, processing accelerator.  Plain VGA (0x0300) is the BMC's own picture.
_GPU_CLASSES = ("0x0302", "0x1200")


@dataclass(frozen=True, slots=True)
class Part:
    """One view of a part, with what can tell it from others."""

    entry: Entry
    kind: ItemKind
    serial: str | None
    uuid: str | None
    label: str
    system: str


def parts_of(catalog: Catalog, notes: list[Note]) -> list[Part]:
    """Return one Part per resource that stands for hardware, empty bays left out with a note."""
    found: list[Part] = []
    for entry in (*catalog.entries.values(), *legacy_parts(catalog)):
        kind = _kind(entry, notes)
        if kind is not None:
            _add(entry, kind, found, notes)
    if not any(p.kind is ItemKind.GPU for p in found):
        for entry in catalog.of("PCIeDevice"):
            if _is_gpu(catalog, entry):
                notes.append(Note(entry.uri, "", "a GPU that is shown as a PCIe device only"))
                _add(entry, ItemKind.GPU, found, notes)
    _note_unlisted(catalog, found, notes)
    return found


def _add(entry: Entry, kind: ItemKind, found: list[Part], notes: list[Note]) -> None:
    if entry.state == "Absent" and kind is not ItemKind.CHASSIS:
        notes.append(Note(entry.uri, "Status", "nothing in this place: not counted as a part"))
        return
    serial = _identity(entry, "SerialNumber", notes)
    uuid = usable(entry.text("UUID"))
    found.append(Part(entry, kind, serial, uuid, _label(entry), _system_of(entry.uri)))


def _is_gpu(catalog: Catalog, device: Entry) -> bool:
    """Return True for a PCIe device whose functions have the class of a GPU; without a class its own words count."""
    below = f"{device.uri}/PCIeFunctions/"
    functions = [e for e in catalog.of("PCIeFunction") if e.uri.startswith(below)]
    classes = [(f.text("DeviceClass"), f.text("ClassCode").lower()) for f in functions]
    stated = [(name, code) for name, code in classes if name or code]
    if stated:
        return any(n == "ProcessingAccelerators" or code.startswith(_GPU_CLASSES) for n, code in stated)
    return bool(_GPU_WORDS.search(_words(device)))


def _note_unlisted(catalog: Catalog, found: Sequence[Part], notes: list[Note]) -> None:
    """Note what a system only counts, and what only its SimpleStorage knows: no part that one could point at."""
    cpus = {p.system for p in found if p.kind is ItemKind.CPU}
    drives = any(p.kind is ItemKind.DRIVE for p in found)
    for entry in catalog.of("ComputerSystem"):
        summary = entry.document.get("ProcessorSummary")
        count = number(summary.get("Count")) if isinstance(summary, dict) else None
        if count and _system_of(f"{entry.uri}/") not in cpus:
            notes.append(Note(entry.uri, "ProcessorSummary", f"counts {count:g} processors, none of them is shown"))
    for entry in catalog.of("SimpleStorage"):
        devices = entry.document.get("Devices")
        if devices and isinstance(devices, list) and not drives:
            notes.append(Note(entry.uri, "Devices", f"{len(devices)} drives without a resource: not counted as parts"))


def merge(parts: Sequence[Part], hosts: frozenset[str], versions: dict[str, str], notes: list[Note]) -> list[Item]:
    """Return one Item per physical part.

    `hosts` are the systems that can be reset; the others are views of the same machine seen from another controller.
    `versions` gives the firmware of a URI as the firmware inventory tells it.
    """
    groups: list[list[Part]] = []
    for part in parts:
        matches = [g for g in groups if g[0].kind is part.kind and _same_part(g, part, parts, hosts)]
        if len(matches) == 1:
            matches[0].append(part)
        else:
            groups.append([part])
    return [_item(g, versions, notes) for g in groups]


def _kind(entry: Entry, notes: list[Note]) -> ItemKind | None:
    schema = entry.schema
    if schema == "Processor":
        return _processor(entry, notes)
    if schema == "NetworkAdapter":
        return ItemKind.DPU if _DPU_WORDS.search(_words(entry)) else ItemKind.NIC
    if schema == "Switch":
        return ItemKind.NVSWITCH if entry.text("SwitchType").lower() == "nvlink" else ItemKind.OTHER
    if schema == "Manager":
        return ItemKind.OTHER if entry.text("ManagerType") == "Service" else ItemKind.BMC
    return _KINDS.get(schema)


def _processor(entry: Entry, notes: list[Note]) -> ItemKind | None:
    kind = entry.text("ProcessorType").lower()
    if kind in _NOT_PARTS:
        return None
    if not kind:
        notes.append(Note(entry.uri, "ProcessorType", "missing: counted as other"))
    if kind in _VAGUE:
        meant = ItemKind.GPU if _GPU_WORDS.search(_words(entry)) else ItemKind.OTHER
        notes.append(Note(entry.uri, "ProcessorType", f"{kind} says little: counted as {meant} by its own words"))
        return meant
    return _PROCESSORS.get(kind, ItemKind.OTHER)


def _words(entry: Entry) -> str:
    """Return what a part calls itself, as words in lower case."""
    return " ".join(entry.text(n) for n in ("Model", "Name", "Id", "Description")).lower().replace("_", " ")


def _identity(entry: Entry, name: str, notes: list[Note]) -> str | None:
    text = entry.text(name)
    found = usable(text)
    if text and found is None:
        notes.append(Note(entry.uri, name, f"says {text!r}: taken as absent"))
    return found


def _label(entry: Entry) -> str:
    location = entry.document.get("Location")
    place = location.get("PartLocation") if isinstance(location, dict) else None
    if not isinstance(place, dict):
        place = location  # some controllers leave PartLocation out
    label = place.get("ServiceLabel") if isinstance(place, dict) else None
    return entry.text("Socket") or (label.strip() if isinstance(label, str) else "")


def _system_of(uri: str) -> str:
    pieces = uri.split("/")
    return "/".join(pieces[:5]) if len(pieces) > 5 and pieces[3] == "Systems" else ""


def _same_part(group: list[Part], new: Part, everyone: Iterable[Part], hosts: frozenset[str]) -> bool:
    # Members of one collection are different parts, whatever they print on themselves.
    if any(p.entry.listed_in == new.entry.listed_in or not p.entry.listed_in for p in group):
        return False
    one_machine = sum(1 for s in {p.system for p in [*group, new]} if s in hosts) <= 1
    return all(_two_views(p, new, everyone, one_machine and p.system != new.system) for p in group)


def _two_views(a: Part, b: Part, everyone: Iterable[Part], views: bool) -> bool:
    related = _related(a.entry.id, b.entry.id)
    if a.entry.schema != b.entry.schema or not _agree(a, b, "EquipmentType"):
        return False
    if a.serial and b.serial:
        if a.serial != b.serial:
            return False
        return related or (_agree(a, b, "PartNumber", "Model") and not _shared(a.serial, a.kind, everyone))
    if a.uuid and b.uuid:
        return a.uuid == b.uuid
    if not (views and a.system and b.system):
        return False
    # No serial on one side: the same socket, or the same name, seen by the host and by its baseboard controller.
    if a.label and b.label:
        return a.label == b.label and (related or _agree(a, b, "PartNumber", "Model"))
    return related and _agree(a, b, "PartNumber", "Model")


def _related(one: str, other: str) -> bool:
    """Return True for `CPU_0` and `HGX_CPU_0`: aggregation puts a prefix before the id."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    return short == long or long.endswith(("_" + short, "-" + short))


def _shared(serial: str, kind: ItemKind, everyone: Iterable[Part]) -> bool:
    """Return True when several members of one collection carry this serial: it is their board's."""
    seen: set[str] = set()
    for part in everyone:
        if part.kind is kind and part.serial == serial:
            if part.entry.listed_in in seen:
                return True
            seen.add(part.entry.listed_in)
    return False


def _agree(a: Part, b: Part, *names: str) -> bool:
    """Return False when both state one of these properties and differ."""
    for name in names:
        one, other = usable(a.entry.text(name)), usable(b.entry.text(name))
        if one and other and one != other:
            return False
    return True


def _item(group: list[Part], versions: dict[str, str], notes: list[Note]) -> Item:
    best = max(group, key=lambda p: (p.serial is not None, -len(p.entry.id)))
    ordered = [best, *(p for p in group if p is not best)]
    if len(group) > 1:
        others = ", ".join(p.entry.uri for p in ordered[1:])
        notes.append(Note(best.entry.uri, "", f"the same part is also shown at {others}"))

    def first(*names: str) -> str | None:
        return next((v for p in ordered for n in names if (v := usable(p.entry.text(n)))), None)

    firmware = first("FirmwareVersion") or next(
        (versions[p.entry.uri] for p in ordered if p.entry.uri in versions), None
    )
    return Item(
        kind=best.kind,
        id=best.entry.id,
        name=first("Name") or "",
        part_number=first("PartNumber"),
        serial_number=next((p.serial for p in ordered if p.serial), None),
        firmware=firmware,
        uris=tuple(p.entry.uri for p in group),
        # What the best view states counts; the others fill in what it leaves out.
        facts={
            **{k: v for p in reversed(ordered) for k, v in facts_of(p.entry.schema, p.entry.document).items()},
            # A kind of our own says what it is; of other equipment only its schema does.
            **({Fact.SCHEMA.value: best.entry.schema} if best.kind is ItemKind.OTHER else {}),
        },
    )
