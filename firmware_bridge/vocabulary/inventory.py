"""What an endpoint is made of: items, firmware, leak detectors, and notes on everything odd about it."""

from dataclasses import dataclass, field
from enum import StrEnum

from firmware_bridge.vocabulary.facts import Aspect, FactValue
from firmware_bridge.vocabulary.text import scrub


class ItemKind(StrEnum):
    """The closed list of part kinds that inventory uses."""

    GPU = "gpu"
    CPU = "cpu"
    DPU = "dpu"
    NIC = "nic"
    NVSWITCH = "nvswitch"
    PSU = "psu"
    BATTERY = "battery"
    PUMP = "pump"
    FAN = "fan"
    DRIVE = "drive"
    MEMORY = "memory"
    CHASSIS = "chassis"
    BMC = "bmc"
    OUTLET = "outlet"
    PORT = "port"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Item:
    """One physical part, with every URI it is shown at.  Absent identity stays None, never a guess.

    `facts` is what it says of itself beyond that, by Fact.
    """

    kind: ItemKind
    id: str
    name: str = ""
    part_number: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    uris: tuple[str, ...] = ()
    facts: dict[str, FactValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SensorValue:
    """One numeric reading found at `uri`; `unit` in our own spelling (W, °C, V, A, RPM, L/min, kPa, Hz, %, J)."""

    id: str
    quantity: str
    unit: str
    value: float
    uri: str


@dataclass(frozen=True, slots=True)
class FirmwareItem:
    """One member of the firmware inventory."""

    id: str
    version: str | None
    uri: str
    facts: dict[str, FactValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeakDetectorItem:
    """One leak detector; `state` in Redfish's words: OK, Warning, Critical; or unknown."""

    id: str
    state: str
    uri: str
    facts: dict[str, FactValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """Something odd about the endpoint, pointed at: never a crash, never a guessed number.

    Each field is made one printable line of bounded length: what a note tells is often the device's own text.
    """

    uri: str
    property: str
    what: str

    def __post_init__(self) -> None:
        for name, most in (("uri", 1024), ("property", 128), ("what", 400)):
            object.__setattr__(self, name, scrub(getattr(self, name), most))


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """Everything one look at an endpoint gives; the shape `rackwright endpoint inspect -o json` prints.

    `endpoint` names, by their ids, which of the resources are the tray itself (`enclosure`), the machine in it that can
    be switched (`system`) and the controller that answers (`controller`); each only where that is clear.
    `unread`: what is there and could not be read at this look, as items and firmware spell it in `uri`; whatever lies
    below such a URI was not read either.
    """

    endpoint: dict[str, str | int | None] = field(default_factory=dict)
    inventory: tuple[Item, ...] = ()
    readings: tuple[SensorValue, ...] = ()
    firmware: tuple[FirmwareItem, ...] = ()
    leak_detectors: tuple[LeakDetectorItem, ...] = ()
    notes: tuple[Note, ...] = ()
    aspects: tuple[Aspect, ...] = ()
    unread: tuple[str, ...] = ()
