"""The shape of `rack.yaml` as it is written; `load.py` turns it into the vocabulary's Generation."""

from typing import Annotated, Any, Literal

import msgspec

from firmware_bridge.vocabulary.generation import ConsoleProtocol, Fluid, LimitLoss, RackUnits, TrayKind
from firmware_bridge.vocabulary.line import Parity
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.settings import SettingKind, SlotSays
from firmware_bridge.vocabulary.supply import DERATES_FROM, Loss, Redundancy, TwoFeeds
from firmware_bridge.wire.modbus.map_file import Baud

SCHEMA_VERSION = 1

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=512)]
Pointer = Annotated[str, msgspec.Meta(pattern=r"^/(redfish/v1|nvue_v1)/[^#]*#(/[^/]+)+$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]


class FactFile(msgspec.Struct, forbid_unknown_fields=True):
    """Source of one dotted field."""

    source: str
    confirmed: bool


class LineFile(msgspec.Struct, forbid_unknown_fields=True):
    """One serial bus of the rack."""

    name: Name
    baud: Baud = 19200
    parity: Parity = Parity.EVEN
    stop_bits: Literal[1, 2] = 1


class UnitFile(msgspec.Struct, forbid_unknown_fields=True):
    """Units on a line: one entry of `addresses` per tray, an address (0x20) or a run (0x90-0x95) for numbered parts."""

    maps: Annotated[list[Name], msgspec.Meta(min_length=1)]
    addresses: Annotated[list[str | int], msgspec.Meta(min_length=1)]
    part: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.-]{0,48}$")] = ""


class LimitsFile(msgspec.Struct, forbid_unknown_fields=True):
    """How hard an endpoint may be asked."""

    in_flight: Count = 2
    requests_per_second: Positive = 13.0
    timeout_s: Positive = 10.0
    most_bytes: Count | Annotated[int, msgspec.Meta(ge=1024)] = 4 * 1024 * 1024
    most_depth: Count = 64
    leak_blind_s: NotNegative = 180.0


class EndpointFile(msgspec.Struct, forbid_unknown_fields=True):
    """One management address of a tray type."""

    name: Name
    protocol: str
    driver: str
    enabled: bool = True
    device: str | None = None
    subtree: str | None = None
    subtree_parts: list[Name] = []
    limits: LimitsFile = msgspec.field(default_factory=LimitsFile)
    read: dict[str, Any] = {}
    line: Name | None = None
    units: list[UnitFile] = []


class ConsoleFile(msgspec.Struct, forbid_unknown_fields=True):
    """One serial console of a tray type; `baud`, `parity` and `stop_bits` are those of a tty."""

    name: Name
    protocol: ConsoleProtocol
    device: str | None = None
    enabled: bool = True
    baud: Baud = 115200
    parity: Parity = Parity.NONE
    stop_bits: Literal[1, 2] = 1


class ColdPlateFile(msgspec.Struct, forbid_unknown_fields=True):
    """What cools a part, K/W, as in ColdPlate: `convection` at the loop's rated flow."""

    junction_k_per_w: Annotated[float, msgspec.Meta(gt=0, le=1)]
    convection_k_per_w: Annotated[float, msgspec.Meta(gt=0, le=1)]


class ComponentFile(msgspec.Struct, forbid_unknown_fields=True):
    """Parts of a tray type; powers in W per part."""

    name: Name
    count: Count
    power_idle_w: NotNegative | None = None
    power_max_w: Positive | None = None
    limit_min_w: NotNegative | None = None
    limit_max_w: Positive | None = None
    limit_default_w: Positive | None = None
    limit_outlives: list[LimitLoss] = []
    cold_plate: ColdPlateFile | None = None


class TrayFile(msgspec.Struct, forbid_unknown_fields=True):
    """A tray type."""

    kind: TrayKind
    title: str
    height_u: Count = 1
    components: list[ComponentFile] = []
    endpoints: list[EndpointFile] = []
    consoles: list[ConsoleFile] = []
    power_max_w: Positive | None = None
    power_base_w: NotNegative | None = None
    output_max_w: Positive | None = None
    coolant_flow_rated_lpm: Positive | None = None
    heat_rated_w: Positive | None = None


class PlacementFile(msgspec.Struct, forbid_unknown_fields=True):
    """Trays of one type: `units` is a list of lowest rack units, `11-18` for a run (step: the tray's height)."""

    tray: str
    units: list[str | int]
    feeds: list[list[str]] = []
    domain: str | None = None


class BusbarFile(msgspec.Struct, forbid_unknown_fields=True):
    """The DC bus."""

    voltage_nominal_v: Positive
    power_max_w: Positive
    power_usable_w: Positive


class FeedFile(msgspec.Struct, forbid_unknown_fields=True):
    """One AC feed."""

    name: Name
    phases: Annotated[int, msgspec.Meta(ge=1, le=3)]
    voltage_nominal_v: Positive
    breaker_a: Annotated[float, msgspec.Meta(gt=0, le=10_000)] | None = None
    branch_breaker_a: Annotated[float, msgspec.Meta(gt=0, le=10_000)] | None = None
    continuous: Share = 0.8


class RideThroughFile(msgspec.Struct, forbid_unknown_fields=True):
    """What carries a loss until software has acted, as in RideThrough."""

    loss: Loss
    by: str
    share: Annotated[float, msgspec.Meta(ge=1, le=4)]
    for_s: Positive


class SupplyFile(msgspec.Struct, forbid_unknown_fields=True):
    """How the rack is fed, as in the vocabulary's Supply."""

    redundancy: Redundancy = Redundancy.N_PLUS_1
    two_feeds: TwoFeeds = TwoFeeds.SPLIT
    sharing: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    efficiency: Share = 1.0
    power_factor: Share = 1.0
    derate_from_c: float = DERATES_FROM
    derate_per_k: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    rides_through: list[RideThroughFile] = []


class NvlinkFile(msgspec.Struct, forbid_unknown_fields=True):
    """How a domain is wired, as in NvlinkPlan."""

    links_per_gpu: Count
    ports_per_tray: Count
    chips_per_tray: Count = 2
    port: Name = "acp"
    first_port: Annotated[int, msgspec.Meta(ge=0, le=512)] = 1
    fabric_manager_trays: tuple[Annotated[int, msgspec.Meta(ge=0, le=63)], ...] = (0,)
    ber_high: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 1e-12
    recoveries_per_hour_high: Positive = 10.0


class DomainFile(msgspec.Struct, forbid_unknown_fields=True):
    """One NVLink domain."""

    name: Name
    gpus: Count
    racks: Count = 1
    nvlink: NvlinkFile | None = None


class CoolantFile(msgspec.Struct, forbid_unknown_fields=True):
    """The liquid loop."""

    supply_nominal_c: float
    flow_rated_lpm: Positive
    heat_capacity_j_per_l_k: Positive
    fluid: Fluid | None = None
    additive: str | None = None
    additive_percent: Annotated[float, msgspec.Meta(gt=0, lt=100)] | None = None


class SettingFile(msgspec.Struct, forbid_unknown_fields=True):
    """One setting of an endpoint; see `vocabulary.settings.Setting`."""

    name: Name
    title: str
    read: Annotated[list[Pointer], msgspec.Meta(min_length=1)]
    source: str
    confirmed: bool
    kind: SettingKind = SettingKind.PROPERTY
    wanted: list[str | bool | int | float] = []
    most_s: Positive | None = None
    required: bool = True
    fix: bool = False


class PlaceCheckFile(msgspec.Struct, forbid_unknown_fields=True):
    """One property that says where a tray stands; see `vocabulary.settings.PlaceCheck`."""

    name: Name
    read: Annotated[list[Pointer], msgspec.Meta(min_length=1)]
    says: SlotSays
    source: str
    confirmed: bool
    offset: int = 0
    of: list[Name] = []


class RackFile(msgspec.Struct):
    """`rack.yaml`.  Sections that this version does not know are left alone: a newer file must not break us."""

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=SCHEMA_VERSION)]
    name: Name
    title: str
    height_u: Count
    tray_types: dict[str, Any]  # each is a TrayFile; checked one by one so that a fault can be pointed at
    placements: list[PlacementFile]
    busbar: BusbarFile
    feeds: list[FeedFile]
    domains: list[DomainFile]
    coolant: CoolantFile
    periods_s: dict[ReadingClass, Positive]
    confirmed: bool = True
    aliases: list[Name] = []
    lines: list[LineFile] = []
    rack_units: RackUnits | None = None
    supply: SupplyFile = msgspec.field(default_factory=SupplyFile)
    settings: dict[str, list[SettingFile]] = {}  # by tray type and endpoint: compute/bmc
    place_checks: dict[str, list[PlaceCheckFile]] = {}
    extends: str | None = None
    facts: dict[str, Any] = {}  # each is a FactFile
