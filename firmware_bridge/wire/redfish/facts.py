"""Which property of which schema is which fact.  Reads values of the right type and leaves all else out: no guesses."""

from collections.abc import Iterable
from typing import Any

from firmware_bridge.vocabulary.facts import TYPES, Fact, FactType, FactValue
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.numbers import number, usable

_MOST_TEXT = 128
_MOST_LIST = 16
_BIGGEST = 2**63

Row = tuple[str, Fact]
_STATUS: tuple[Row, ...] = (("Status/State", Fact.STATE), ("Status/Health", Fact.HEALTH))
_MADE: tuple[Row, ...] = (("Manufacturer", Fact.MANUFACTURER), ("Model", Fact.MODEL), ("SKU", Fact.SKU))
_PLACED: tuple[Row, ...] = (
    ("Location/PartLocation/ServiceLabel", Fact.LABEL),
    ("Location/PartLocation/LocationType", Fact.LOCATION_TYPE),
)
_DATED: tuple[Row, ...] = (("Version", Fact.VERSION), ("ProductionDate", Fact.PRODUCED_ON))
_FILLED: tuple[Row, ...] = (
    ("Coolant/CoolantType", Fact.FLUID),
    ("Coolant/DensityKgPerCubicMeter", Fact.FLUID_DENSITY),
    ("Coolant/SpecificHeatkJoulesPerKgK", Fact.FLUID_SPECIFIC_HEAT),
)
_PART = (*_MADE, *_PLACED, *_STATUS, ("UUID", Fact.UUID))

# By schema: the path of a property within the resource, and the fact it is.  The first that is stated counts.
PROPERTIES: dict[str, tuple[Row, ...]] = {
    "Processor": (
        *_PART,
        ("ProcessorArchitecture", Fact.ARCHITECTURE),
        ("InstructionSet", Fact.INSTRUCTION_SET),
        ("Socket", Fact.SOCKET),
        ("TotalCores", Fact.CORES),
        ("TotalThreads", Fact.THREADS),
        ("MaxSpeedMHz", Fact.SPEED_MAX_MHZ),
        ("MinSpeedMHz", Fact.SPEED_MIN_MHZ),
        ("Version", Fact.VERSION),
    ),
    "Memory": (
        *_PART,
        ("CapacityMiB", Fact.CAPACITY_MIB),
        ("MemoryDeviceType", Fact.MEMORY_DEVICE),
        ("ErrorCorrection", Fact.ERROR_CORRECTION),
        ("AllowedSpeedsMHz", Fact.SPEEDS_MHZ),
        ("OperatingSpeedMhz", Fact.SPEED_MHZ),
    ),
    "Drive": (
        *_PART,
        ("PhysicalLocation/PartLocation/ServiceLabel", Fact.LABEL),
        ("PhysicalLocation/PartLocation/LocationType", Fact.LOCATION_TYPE),
        ("CapacityBytes", Fact.CAPACITY_BYTES),
        ("MediaType", Fact.MEDIA),
        ("Protocol", Fact.PROTOCOL),
        ("DriveFormFactor", Fact.FORM_FACTOR),
        ("FailurePredicted", Fact.FAILURE_PREDICTED),
        ("PredictedMediaLifeLeftPercent", Fact.LIFE_LEFT_PERCENT),
    ),
    "NetworkAdapter": _PART,
    "Switch": _PART,
    "PowerSupply": (
        *_PART,
        *_DATED,
        ("PowerSupplyType", Fact.TYPE),
        ("PowerCapacityWatts", Fact.POWER_CAPACITY_W),
        ("InputNominalVoltageType", Fact.INPUT_VOLTAGE_TYPE),
        ("LineInputStatus", Fact.LINE_INPUT),
    ),
    "PowerDistribution": (*_PART, *_DATED, ("AssetTag", Fact.ASSET_TAG)),
    "Battery": (*_PART, *_DATED),
    "CoolingUnit": (
        *_PART,
        *_DATED,
        *_FILLED,
        ("AssetTag", Fact.ASSET_TAG),
        ("CoolingCapacityWatts", Fact.HEAT_CAPACITY_W),
    ),
    "Pump": (*_PART, *_DATED, ("PumpType", Fact.TYPE), ("ServiceHours", Fact.SERVICE_HOURS)),
    "Filter": (
        *_PART,
        *_DATED,
        ("ServiceHours", Fact.SERVICE_HOURS),
        ("RatedServiceHours", Fact.SERVICE_HOURS_RATED),
        ("ServicedDate", Fact.SERVICED_ON),
        ("HotPluggable", Fact.HOT_PLUGGABLE),
        ("Replaceable", Fact.REPLACEABLE),
    ),
    "Reservoir": (
        *_PART,
        *_DATED,
        *_FILLED,
        ("ReservoirType", Fact.TYPE),
        ("CapacityLiters", Fact.CAPACITY_L),
        ("FluidLevelStatus", Fact.LEVEL_STATE),
    ),
    "LeakDetector": (*_PLACED, *_STATUS, ("LeakDetectorType", Fact.TYPE)),
    "Chassis": (*_PART, ("ChassisType", Fact.TYPE), ("AssetTag", Fact.ASSET_TAG)),
    "Manager": (
        *_MADE,
        *_STATUS,
        ("UUID", Fact.UUID),
        ("ManagerType", Fact.TYPE),
        ("FirmwareVersion", Fact.VERSION),
        ("DateTimeLocalOffset", Fact.TIME_OFFSET),
        ("LastResetTime", Fact.RESET_AT),
        ("GraphicalConsole/ServiceEnabled", Fact.SCREEN),
        ("GraphicalConsole/MaxConcurrentSessions", Fact.SCREEN_SESSIONS),
    ),
    "ManagerNetworkProtocol": (
        *_STATUS,
        ("HostName", Fact.HOST_NAME),
        ("FQDN", Fact.FQDN),
        ("HTTP/ProtocolEnabled", Fact.HTTP),
        ("HTTP/Port", Fact.HTTP_PORT),
        ("HTTPS/ProtocolEnabled", Fact.HTTPS),
        ("HTTPS/Port", Fact.HTTPS_PORT),
        ("SSH/ProtocolEnabled", Fact.SSH),
        ("SSH/Port", Fact.SSH_PORT),
        ("IPMI/ProtocolEnabled", Fact.IPMI),
        ("IPMI/Port", Fact.IPMI_PORT),
        ("NTP/ProtocolEnabled", Fact.NTP),
        ("NTP/NTPServers", Fact.NTP_SERVERS),
    ),
    "EthernetInterface": (
        *_STATUS,
        ("MACAddress", Fact.MAC),
        ("SpeedMbps", Fact.SPEED_MBPS),
        ("InterfaceEnabled", Fact.ENABLED),
        ("LinkStatus", Fact.LINK),
        ("MTUSize", Fact.MTU),
        ("HostName", Fact.HOST_NAME),
        ("FQDN", Fact.FQDN),
        ("NameServers", Fact.NAME_SERVERS),
        ("DHCPv4/DHCPEnabled", Fact.DHCP4),
        ("DHCPv6/OperatingMode", Fact.DHCP6),
    ),
    "Port": (
        *_STATUS,
        ("PortProtocol", Fact.PROTOCOL),
        ("PortType", Fact.TYPE),
        ("CurrentSpeedGbps", Fact.SPEED_GBPS),
        ("MaxSpeedGbps", Fact.SPEED_MAX_GBPS),
        ("LinkStatus", Fact.LINK),
        ("LinkState", Fact.LINK_STATE),
    ),
    "ComputerSystem": (
        *_MADE,
        *_STATUS,
        ("UUID", Fact.UUID),
        ("AssetTag", Fact.ASSET_TAG),
        ("BiosVersion", Fact.BIOS_VERSION),
        ("SystemType", Fact.TYPE),
        ("LastResetTime", Fact.RESET_AT),
        ("PowerRestorePolicy", Fact.POWER_RESTORE),
        ("HostName", Fact.HOST_NAME),
        ("MemorySummary/TotalSystemMemoryGiB", Fact.MEMORY_TOTAL_GIB),
        ("ProcessorSummary/Count", Fact.PROCESSORS),
        ("ProcessorSummary/CoreCount", Fact.CORES),
        ("ProcessorSummary/Model", Fact.PROCESSOR_MODEL),
        ("SerialConsole/MaxConcurrentSessions", Fact.CONSOLE_SESSIONS),
        ("SerialConsole/SSH/ServiceEnabled", Fact.CONSOLE_SSH),
        ("SerialConsole/SSH/Port", Fact.CONSOLE_SSH_PORT),
        ("SerialConsole/IPMI/ServiceEnabled", Fact.CONSOLE_IPMI),
        ("GraphicalConsole/ServiceEnabled", Fact.SCREEN),
        ("GraphicalConsole/MaxConcurrentSessions", Fact.SCREEN_SESSIONS),
    ),
    "SecureBoot": (
        ("SecureBootEnable", Fact.SECURE_BOOT),
        ("SecureBootCurrentBoot", Fact.SECURE_BOOT_NOW),
        ("SecureBootMode", Fact.SECURE_BOOT_MODE),
    ),
    "SoftwareInventory": (
        *_STATUS,
        ("Manufacturer", Fact.MANUFACTURER),
        ("Updateable", Fact.UPDATEABLE),
        ("WriteProtected", Fact.WRITE_PROTECTED),
        ("SoftwareId", Fact.SOFTWARE_ID),
    ),
    "ComponentIntegrity": (
        *_STATUS,
        ("ComponentIntegrityType", Fact.TYPE),
        ("ComponentIntegrityTypeVersion", Fact.TYPE_VERSION),
        ("ComponentIntegrityEnabled", Fact.ENABLED),
        ("TargetComponentURI", Fact.TARGET),
    ),
}
BOARD: tuple[Row, ...] = (
    ("Name", Fact.LABEL),
    ("Vendor", Fact.MANUFACTURER),
    ("Model", Fact.MODEL),
    ("SKU", Fact.SKU),
    ("Version", Fact.VERSION),
    ("ProductionDate", Fact.PRODUCED_ON),
    ("SerialNumber", Fact.SERIAL_NUMBER),
    ("PartNumber", Fact.PART_NUMBER),
)
"""A row of an Assembly."""
ADDRESS: tuple[Row, ...] = (
    ("Address", Fact.ADDRESS),
    ("AddressOrigin", Fact.ADDRESS_ORIGIN),
    ("AddressState", Fact.ADDRESS_STATE),
    ("SubnetMask", Fact.MASK),
    ("PrefixLength", Fact.PREFIX_LENGTH),
    ("Gateway", Fact.GATEWAY),
)
"""A row of an EthernetInterface's IPv4Addresses or IPv6Addresses."""


def facts_of(schema: str, document: Document) -> dict[str, FactValue]:
    """Return the facts that a resource of one schema states."""
    return facts_in(document, PROPERTIES.get(schema, ()))


def facts_in(document: Document, rows: Iterable[Row]) -> dict[str, FactValue]:
    """Return the facts that stand in a document or in one row of it."""
    found: dict[str, FactValue] = {}
    for path, fact in rows:
        if fact not in found and (value := _typed(_at(document, path), TYPES[fact])) is not None:
            found[fact.value] = value
    return found


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for name in path.split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _typed(value: Any, kind: FactType) -> FactValue | None:
    """Return a value of the right type, None for anything else; a text that holds a number is that number."""
    if kind is FactType.FLAG:
        return value if isinstance(value, bool) else None
    if kind is FactType.ADDRESS:
        return scrub(value, _MOST_TEXT) or None if isinstance(value, str) else None
    if kind is FactType.TEXT:
        return usable(scrub(value, _MOST_TEXT)) if isinstance(value, str) else None
    if kind in (FactType.TEXTS, FactType.WHOLES):
        inner = FactType.TEXT if kind is FactType.TEXTS else FactType.WHOLE
        if not isinstance(value, list):
            return None
        # An empty list is what a device says, too.
        return tuple(v for row in value[:_MOST_LIST] if (v := _typed(row, inner)) is not None)  # type: ignore[misc]
    found = number(value)
    if found is None or kind is FactType.NUMBER:
        return found
    return int(found) if float(found).is_integer() and abs(found) < _BIGGEST else None
