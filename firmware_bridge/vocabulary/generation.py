"""A rack design as data: what `seeds/generations/<name>/` says once it is loaded and checked."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from firmware_bridge.vocabulary.line import LineSettings, Parity
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.settings import PlaceCheck, Setting
from firmware_bridge.vocabulary.supply import Supply
from firmware_bridge.vocabulary.units import Celsius, LitersPerMinute, Seconds, Watts

if TYPE_CHECKING:
    from firmware_bridge.vocabulary.limit_layers import LimitLayers  # which needs Fact
    from firmware_bridge.vocabulary.sequence import Sequence  # which needs TrayKind

DEFAULT_TIMEOUT = Seconds(10.0)
DEFAULT_LEAK_BLIND = Seconds(180.0)


class TrayKind(StrEnum):
    """What stands in a slot."""

    COMPUTE = "compute"
    SWITCH = "switch"
    POWER_SHELF = "power_shelf"
    BATTERY_SHELF = "battery_shelf"
    COOLANT_UNIT = "coolant_unit"


@dataclass(frozen=True, slots=True)
class Fact:
    """Where a number comes from.  `confirmed` is false for what no primary source states."""

    source: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How hard one endpoint may be asked (devices are fragile: DESIGN §4.9).

    `leak_blind`: for so long after its controller started, a leak detector that is dry says nothing.
    """

    in_flight: int = 2
    requests_per_second: float = 13.0
    timeout: Seconds = DEFAULT_TIMEOUT
    most_bytes: int = 4 * 1024 * 1024
    most_depth: int = 64
    leak_blind: Seconds = DEFAULT_LEAK_BLIND


@dataclass(frozen=True, slots=True)
class SerialLine:
    """One serial bus of a rack; several trays may hang on it."""

    name: str
    settings: LineSettings


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit on a serial line: `part` is its component below the tray (empty: the tray itself).

    `maps` are the register maps it may speak, tried in this order: address ranges of families overlap.
    """

    part: str
    address: int
    maps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """One management address of a tray type.  `driver` is `protocol/port` (`redfish/compute_tray`).

    On a serial line an endpoint is a tray's units: `units[i]` are those of the tray with index `i`.
    """

    name: str
    protocol: str
    driver: str
    enabled: bool = True
    device: str | None = None  # the emulator's template in seeds/devices/
    subtree: str | None = None  # a part behind this endpoint with its own liveness (HMC)
    limits: RequestLimits = field(default_factory=RequestLimits)
    read: dict[str, Any] = field(default_factory=dict)  # hints for the driver: which resources carry which quantity
    line: str | None = None
    units: tuple[tuple[Unit, ...], ...] = ()
    subtree_parts: tuple[str, ...] = ()  # kinds of the tray's components that are seen through the subtree
    settings: tuple[Setting, ...] = ()  # what it must be set to before it is ready
    place_checks: tuple[PlaceCheck, ...] = ()  # which of its properties say where its tray stands

    def units_of(self, index: int) -> tuple[Unit, ...]:
        """Return the serial units of the tray with this index; none when the endpoint is not a serial one."""
        return self.units[index] if index < len(self.units) else ()


CONSOLE_LINE = LineSettings(115_200, Parity.NONE, 1)
"""What a host's serial console speaks unless somebody says otherwise: 115,200 8N1."""


class ConsoleProtocol(StrEnum):
    """How a serial console is reached: by SSH at the management controller, or at a serial device of ours."""

    SSH = "ssh"
    TTY = "tty"


@dataclass(frozen=True, slots=True)
class ConsoleSpec:
    """One serial console of a tray type.  `line` matters on a tty only; `device` is the emulator's script."""

    name: str
    protocol: ConsoleProtocol
    device: str | None = None
    enabled: bool = True
    line: LineSettings = CONSOLE_LINE


class LimitLoss(StrEnum):
    """What may cost a device the power limit that its BMC was told: a reset of the device or a new start of its host,
    or that its standby power was away too."""

    RESET = "reset"
    AUX_OFF = "aux_off"


@dataclass(frozen=True, slots=True)
class ColdPlate:
    """What lies between a die and the coolant, K/W: `junction` from die to plate, `convection` from plate to coolant
    at the loop's rated flow.  Where nobody states one it is a GB200's (power.md §2.4, lumped model)."""

    junction: float = 0.012
    convection: float = 0.018


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """`count` parts of one kind in a tray: gpu0..gpu3.  Ratings are per part; None where nobody states one.

    `limit_outlives`: what a power limit survives that was told to the BMC.  One that was set in band survives neither.
    `cold_plate`: what cools each of them; the plant minds those of GPUs.
    """

    name: str
    count: int
    power_idle: Watts | None = None
    power_max: Watts | None = None
    limit_min: Watts | None = None
    limit_max: Watts | None = None
    limit_default: Watts | None = None
    limit_outlives: frozenset[LimitLoss] = frozenset()
    cold_plate: ColdPlate | None = None


@dataclass(frozen=True, slots=True)
class TrayType:
    """One kind of tray: height in rack units, parts, endpoints, ratings."""

    name: str
    kind: TrayKind
    title: str
    height_u: int
    components: tuple[ComponentSpec, ...] = ()
    endpoints: tuple[EndpointSpec, ...] = ()
    power_max: Watts | None = None
    power_base: Watts | None = None  # what the tray draws besides its listed components
    output_max: Watts | None = None  # shelves: DC output
    coolant_flow_rated: LitersPerMinute | None = None
    heat_rated: Watts | None = None  # coolant units
    consoles: tuple[ConsoleSpec, ...] = ()

    def component(self, name: str) -> ComponentSpec | None:
        """Return the parts called `name`, None when this tray has none."""
        return next((c for c in self.components if c.name == name), None)


@dataclass(frozen=True, slots=True)
class Slot:
    """A tray in the rack: `unit` is its lowest rack unit counted from the floor, `index` counts trays of its type."""

    name: str
    unit: int
    tray: TrayType
    index: int
    feeds: tuple[str, ...] = ()
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Busbar:
    """The rack's DC bus."""

    voltage_nominal: float
    power_max: Watts
    power_usable: Watts  # with the redundancy the generation plans for; the number headroom is measured against


@dataclass(frozen=True, slots=True)
class Feed:
    """One AC feed of the rack.  `breaker`, `branch_breaker`: A per phase, of the feed and of each shelf's branch, None
    where nobody states one; `continuous`: which share of it a breaker may carry for hours."""

    name: str
    phases: int
    voltage_nominal: float
    breaker: float | None = None
    branch_breaker: float | None = None
    continuous: float = 0.8


@dataclass(frozen=True, slots=True)
class NvlinkPlan:
    """How a domain's GPUs and switches are wired: every GPU has one link to each switch chip of its rack.

    Port `port` + number of a switch tray leads to the rack's GPU (number - `first_port`) modulo the rack's GPUs; chips
    follow one another.  The GPU calls that link (tray index × `chips_per_tray` + chip).  `fabric_manager_trays` are
    the switch trays (counted from the floor) on which the fabric manager is to run, and on no other.  A port whose
    bit error ratio or rate of recoveries reaches its limit is told of.
    """

    links_per_gpu: int
    ports_per_tray: int
    chips_per_tray: int = 2
    port: str = "acp"
    first_port: int = 1
    fabric_manager_trays: tuple[int, ...] = (0,)
    ber_high: float = 1e-12
    recoveries_per_hour_high: float = 10.0


@dataclass(frozen=True, slots=True)
class Domain:
    """One NVLink domain; `racks` is how many racks it spans; `nvlink` None: nobody says how it is wired."""

    name: str
    gpus: int
    racks: int = 1
    nvlink: NvlinkPlan | None = None


class Fluid(StrEnum):
    """What fills a loop, in Redfish's words (CoolingLoop.CoolantType)."""

    WATER = "Water"
    HYDROCARBON = "Hydrocarbon"
    FLUOROCARBON = "Fluorocarbon"
    DIELECTRIC = "Dielectric"


class RackUnits(StrEnum):
    """What a rack unit measures, in Redfish's words: 44.45 mm or 48 mm."""

    EIA_310 = "EIA_310"
    OPEN_U = "OpenU"


@dataclass(frozen=True, slots=True)
class Coolant:
    """What the liquid loop is planned for.  `fluid` and its additive are None where nobody states them."""

    supply_nominal: Celsius
    flow_rated: LitersPerMinute
    heat_capacity_j_per_l_k: float
    fluid: Fluid | None = None
    additive: str | None = None
    additive_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """A rack design.  `facts` maps a dotted field (`busbar.power_max`) to where its number comes from.

    `own_sha256`: of what files of the installation's own say of it, empty where all of it ships with the product;
    `shipped_sha256`: of what files that ship say of it, empty where all of it is the installation's own.  Both are of
    `rack.yaml` and those that it extends.
    """

    name: str
    title: str
    height_u: int
    slots: tuple[Slot, ...]
    busbar: Busbar
    feeds: tuple[Feed, ...]
    domains: tuple[Domain, ...]
    coolant: Coolant
    periods: dict[ReadingClass, Seconds]
    facts: dict[str, Fact] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    confirmed: bool = True
    lines: tuple[SerialLine, ...] = ()
    rack_units: RackUnits | None = None
    sequence: "Sequence | None" = None
    supply: Supply = field(default_factory=Supply)
    layers: "LimitLayers | None" = None
    own_sha256: str = ""
    shipped_sha256: str = ""

    def slots_of(self, kind: TrayKind) -> tuple[Slot, ...]:
        """Return the slots that hold a tray of this kind, bottom up."""
        return tuple(sorted((s for s in self.slots if s.tray.kind is kind), key=lambda s: s.unit))

    def line(self, name: str) -> SerialLine:
        """Return the serial line called `name`.  Raises LookupError."""
        for line in self.lines:
            if line.name == name:
                return line
        raise LookupError(f"{self.name} has no line {name!r}")

    @property
    def racks_together(self) -> int:
        """Return how many racks of this design belong together: the widest domain's."""
        return max((d.racks for d in self.domains), default=1)

    def count(self, component: str) -> int:
        """Return how many parts of this name the rack has (72 for `gpu` in an NVL72)."""
        return sum(c.count for s in self.slots for c in s.tray.components if c.name == component)
