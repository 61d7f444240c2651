"""Facts of stock reports as properties of resources.  A word that the schema does not have is never passed on.

Enumerations are those of DSP8010 2025.4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datacenter_api.redfish.shapes import Body
from firmware_bridge.vocabulary.facts import Fact, FactValue

Facts = Mapping[str, FactValue]

HEALTHS = frozenset({"OK", "Warning", "Critical"})
STATES = frozenset(
    {
        *("Enabled", "Disabled", "StandbyOffline", "StandbySpare", "InTest", "Starting", "Absent", "Degraded"),
        *("UnavailableOffline", "Deferring", "Quiesced", "Updating", "Qualified"),
    }
)
_PLACES = frozenset({"Slot", "Bay", "Connector", "Socket", "Backplane", "Embedded"})
_MEMORY = frozenset(
    {
        *("DDR", "DDR2", "DDR3", "DDR4", "DDR5", "DDR4_SDRAM", "DDR4E_SDRAM", "DDR5_MRDIMM", "LPDDR4_SDRAM"),
        *("LPDDR5_SDRAM", "DDR3_SDRAM", "LPDDR3_SDRAM", "HBM", "HBM2", "HBM2E", "HBM3", "GDDR5", "GDDR5X", "GDDR6"),
        *("GDDR7", "ROM", "SDRAM", "Logical", "OEM"),
    }
)
_ECC = frozenset({"NoECC", "SingleBitECC", "MultiBitECC", "AddressParity"})
_MEDIA = frozenset({"HDD", "SSD", "SMR"})
_FORMS = frozenset(
    {
        *("Drive3_5", "Drive2_5", "EDSFF", "EDSFF_1U_Long", "EDSFF_1U_Short", "EDSFF_E3_Short", "EDSFF_E3_Long"),
        *("M2", "M2_2230", "M2_2242", "M2_2260", "M2_2280", "M2_22110", "U2", "PCIeSlotFullLength", "OEM"),
        *("PCIeSlotLowProfile", "PCIeHalfLength"),
    }
)
_PROTOCOLS = frozenset(
    {
        *("PCIe", "AHCI", "SAS", "SATA", "USB", "NVMe", "FC", "Ethernet", "InfiniBand", "NVLink", "CXL", "UPI", "QPI"),
        *("OEM", "eMMC", "UALink", "UET", "MultiProtocol"),
    }
)
_LINKS = frozenset({"LinkUp", "LinkDown", "NoLink"})
_PORT_LINKS = _LINKS | {"Starting", "Training"}
_ABLE = frozenset({"Enabled", "Disabled"})
_PORTS = frozenset(
    {
        *("UpstreamPort", "DownstreamPort", "InterswitchPort", "ManagementPort", "BidirectionalPort"),
        "UnconfiguredPort",
    }
)
_DHCP6 = frozenset({"Stateful", "Stateless", "Disabled", "Enabled"})
_DHCP6_INSTEAD = {"Stateful": "Enabled", "Stateless": "Enabled"}  # EthernetInterface 1.8.0
_ORIGINS4 = frozenset({"Static", "DHCP", "BOOTP", "IPv4LinkLocal"})
_ORIGINS6 = frozenset({"Static", "DHCPv6", "LinkLocal", "SLAAC"})
_ADDRESS_STATES = frozenset({"Preferred", "Deprecated", "Tentative", "Failed"})
_INTEGRITY = frozenset({"SPDM", "TPM", "TCM", "TPCM", "OEM"})
_RESTORES = frozenset({"AlwaysOn", "AlwaysOff", "LastState"})
_BOOT_MODES = frozenset({"SetupMode", "UserMode", "AuditMode", "DeployedMode"})
_MAC = re.compile(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_V4 = re.compile(r"((25[0-5]|2[0-4]\d|1?\d?\d)(\.|$)){4}")
_V6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_OFFSET = re.compile(r"[-+][0-1]\d:[0-5]\d")
_TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d+)?(Z|[-+][0-1]\d:[0-5]\d)")


@dataclass(frozen=True, slots=True)
class Shown:
    """One property: its path in the resource, the fact it shows, the words or the pattern that it may have.

    `instead` has the words that the schema has deprecated, each with the one that it names in its place.
    """

    path: str
    fact: Fact
    allowed: "frozenset[str] | re.Pattern[str] | None" = None
    instead: Mapping[str, str] = field(default_factory=dict)


_MADE = (Shown("Manufacturer", Fact.MANUFACTURER), Shown("Model", Fact.MODEL), Shown("SKU", Fact.SKU))
_UUID_ROW = Shown("UUID", Fact.UUID, _UUID)
_PLACED = (
    Shown("Location/PartLocation/ServiceLabel", Fact.LABEL),
    Shown("Location/PartLocation/LocationType", Fact.LOCATION_TYPE, _PLACES),
)
PROPERTIES: dict[str, tuple[Shown, ...]] = {
    "Chassis": (*_MADE, Shown("AssetTag", Fact.ASSET_TAG), _UUID_ROW),
    "ComputerSystem": (
        Shown("SKU", Fact.SKU),
        Shown("AssetTag", Fact.ASSET_TAG),
        Shown("BiosVersion", Fact.BIOS_VERSION),
        Shown("HostName", Fact.HOST_NAME),
        Shown("LastResetTime", Fact.RESET_AT, _TIME),
        Shown("PowerRestorePolicy", Fact.POWER_RESTORE, _RESTORES),
        _UUID_ROW,
        Shown("MemorySummary/TotalSystemMemoryGiB", Fact.MEMORY_TOTAL_GIB),
        Shown("ProcessorSummary/CoreCount", Fact.CORES),
        Shown("ProcessorSummary/Model", Fact.PROCESSOR_MODEL),
        Shown("SerialConsole/MaxConcurrentSessions", Fact.CONSOLE_SESSIONS),
        Shown("SerialConsole/SSH/ServiceEnabled", Fact.CONSOLE_SSH),
        Shown("SerialConsole/SSH/Port", Fact.CONSOLE_SSH_PORT),
        Shown("SerialConsole/IPMI/ServiceEnabled", Fact.CONSOLE_IPMI),
        Shown("GraphicalConsole/ServiceEnabled", Fact.SCREEN),
        Shown("GraphicalConsole/MaxConcurrentSessions", Fact.SCREEN_SESSIONS),
    ),
    "Processor": (
        *_MADE,
        *_PLACED,
        Shown("Socket", Fact.SOCKET),
        Shown("TotalCores", Fact.CORES),
        Shown("TotalThreads", Fact.THREADS),
        Shown("MaxSpeedMHz", Fact.SPEED_MAX_MHZ),
        Shown("MinSpeedMHz", Fact.SPEED_MIN_MHZ),
        Shown("Version", Fact.VERSION),
        _UUID_ROW,
    ),
    "Memory": (
        Shown("Manufacturer", Fact.MANUFACTURER),
        Shown("Model", Fact.MODEL),
        *_PLACED,
        Shown("CapacityMiB", Fact.CAPACITY_MIB),
        Shown("MemoryDeviceType", Fact.MEMORY_DEVICE, _MEMORY),
        Shown("ErrorCorrection", Fact.ERROR_CORRECTION, _ECC),
        Shown("AllowedSpeedsMHz", Fact.SPEEDS_MHZ),
        Shown("OperatingSpeedMhz", Fact.SPEED_MHZ),
    ),
    "Drive": (
        *_MADE,
        Shown("PhysicalLocation/PartLocation/ServiceLabel", Fact.LABEL),
        Shown("PhysicalLocation/PartLocation/LocationType", Fact.LOCATION_TYPE, _PLACES),
        Shown("CapacityBytes", Fact.CAPACITY_BYTES),
        Shown("MediaType", Fact.MEDIA, _MEDIA),
        Shown("Protocol", Fact.PROTOCOL, _PROTOCOLS),
        Shown("DriveFormFactor", Fact.FORM_FACTOR, _FORMS),
        Shown("FailurePredicted", Fact.FAILURE_PREDICTED),
        Shown("PredictedMediaLifeLeftPercent", Fact.LIFE_LEFT_PERCENT),
    ),
    "NetworkAdapter": (*_MADE, *_PLACED),
    "Switch": (*_MADE, _UUID_ROW),
    "Manager": (
        Shown("Manufacturer", Fact.MANUFACTURER),
        Shown("Model", Fact.MODEL),
        _UUID_ROW,
        Shown("DateTimeLocalOffset", Fact.TIME_OFFSET, _OFFSET),
        Shown("LastResetTime", Fact.RESET_AT, _TIME),
        Shown("GraphicalConsole/ServiceEnabled", Fact.SCREEN),
        Shown("GraphicalConsole/MaxConcurrentSessions", Fact.SCREEN_SESSIONS),
    ),
    "ManagerNetworkProtocol": (
        Shown("HostName", Fact.HOST_NAME),
        Shown("FQDN", Fact.FQDN),
        Shown("HTTP/ProtocolEnabled", Fact.HTTP),
        Shown("HTTP/Port", Fact.HTTP_PORT),
        Shown("HTTPS/ProtocolEnabled", Fact.HTTPS),
        Shown("HTTPS/Port", Fact.HTTPS_PORT),
        Shown("SSH/ProtocolEnabled", Fact.SSH),
        Shown("SSH/Port", Fact.SSH_PORT),
        Shown("IPMI/ProtocolEnabled", Fact.IPMI),
        Shown("IPMI/Port", Fact.IPMI_PORT),
        Shown("NTP/ProtocolEnabled", Fact.NTP),
        Shown("NTP/NTPServers", Fact.NTP_SERVERS),
    ),
    "EthernetInterface": (
        Shown("MACAddress", Fact.MAC, _MAC),
        Shown("SpeedMbps", Fact.SPEED_MBPS),
        Shown("InterfaceEnabled", Fact.ENABLED),
        Shown("LinkStatus", Fact.LINK, _LINKS),
        Shown("MTUSize", Fact.MTU),
        Shown("HostName", Fact.HOST_NAME),
        Shown("FQDN", Fact.FQDN),
        Shown("NameServers", Fact.NAME_SERVERS),
        Shown("DHCPv4/DHCPEnabled", Fact.DHCP4),
        Shown("DHCPv6/OperatingMode", Fact.DHCP6, _DHCP6, _DHCP6_INSTEAD),
    ),
    "IPv4": (
        Shown("Address", Fact.ADDRESS, _V4),
        Shown("AddressOrigin", Fact.ADDRESS_ORIGIN, _ORIGINS4),
        Shown("SubnetMask", Fact.MASK, _V4),
        Shown("Gateway", Fact.GATEWAY, _V4),
    ),
    "IPv6": (
        Shown("Address", Fact.ADDRESS, _V6),
        Shown("AddressOrigin", Fact.ADDRESS_ORIGIN, _ORIGINS6),
        Shown("AddressState", Fact.ADDRESS_STATE, _ADDRESS_STATES),
        Shown("PrefixLength", Fact.PREFIX_LENGTH),
    ),
    "Port": (
        Shown("PortProtocol", Fact.PROTOCOL, _PROTOCOLS),
        Shown("PortType", Fact.TYPE, _PORTS),
        Shown("CurrentSpeedGbps", Fact.SPEED_GBPS),
        Shown("MaxSpeedGbps", Fact.SPEED_MAX_GBPS),
        Shown("LinkStatus", Fact.LINK, _PORT_LINKS),
        Shown("LinkState", Fact.LINK_STATE, _ABLE),
    ),
    "SecureBoot": (
        Shown("SecureBootEnable", Fact.SECURE_BOOT),
        Shown("SecureBootCurrentBoot", Fact.SECURE_BOOT_NOW, _ABLE),
        Shown("SecureBootMode", Fact.SECURE_BOOT_MODE, _BOOT_MODES),
    ),
    "SoftwareInventory": (
        Shown("Manufacturer", Fact.MANUFACTURER),
        Shown("WriteProtected", Fact.WRITE_PROTECTED),
    ),
    "ComponentIntegrity": (
        Shown("ComponentIntegrityType", Fact.TYPE, _INTEGRITY),
        Shown("ComponentIntegrityTypeVersion", Fact.TYPE_VERSION),
        Shown("ComponentIntegrityEnabled", Fact.ENABLED),
    ),
    "Board": (
        Shown("Name", Fact.LABEL),
        Shown("Vendor", Fact.MANUFACTURER),
        Shown("Model", Fact.MODEL),
        Shown("SKU", Fact.SKU),
        Shown("Version", Fact.VERSION),
        Shown("ProductionDate", Fact.PRODUCED_ON, _TIME),
        Shown("SerialNumber", Fact.SERIAL_NUMBER),
        Shown("PartNumber", Fact.PART_NUMBER),
    ),
}
"""What each kind of resource, or of row within one, shows of the facts of its part."""


def shown(kind: str, facts: Facts) -> Body:
    """Return the properties that the facts fill, nested by their paths."""
    body: Body = {}
    for row in PROPERTIES[kind]:
        value = facts.get(row.fact)
        if value is None or not _fits(value, row.allowed):
            continue
        *above, leaf = row.path.split("/")
        inner: dict[str, Any] = body
        for name in above:
            inner = inner.setdefault(name, {})
        inner[leaf] = list(value) if isinstance(value, tuple) else row.instead.get(str(value), value)
    return body


def _fits(value: FactValue, allowed: "frozenset[str] | re.Pattern[str] | None") -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value >= 0  # no number that is shown can be below it
    if allowed is None:
        return True
    if not isinstance(value, str):
        return False
    return value in allowed if isinstance(allowed, frozenset) else allowed.fullmatch(value) is not None
