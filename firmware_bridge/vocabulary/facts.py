"""What a part, an interface or a controller says of itself beyond its identity: a closed list with a type for each.

A name ends in its unit where it has one.  A fact that nobody states is absent, never a default
(docs/decisions/0028-facts-of-stock-reports.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

FactValue = str | int | float | bool | tuple[str | int, ...]
Facts = Mapping[str, FactValue]


class FactType(StrEnum):
    """What kind of value a fact is."""

    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    FLAG = "flag"
    ADDRESS = "address"
    TEXTS = "texts"
    WHOLES = "wholes"


class Fact(StrEnum):
    """Everything that is carried beyond identity, in our own words."""

    MANUFACTURER = "manufacturer"
    MODEL = "model"
    SKU = "sku"
    ASSET_TAG = "asset_tag"
    UUID = "uuid"
    VERSION = "version"
    TYPE = "type"
    LABEL = "label"
    LOCATION_TYPE = "location_type"
    STATE = "state"
    HEALTH = "health"
    PRODUCED_ON = "produced_on"
    SERIAL_NUMBER = "serial_number"
    PART_NUMBER = "part_number"
    # Processors
    ARCHITECTURE = "architecture"
    INSTRUCTION_SET = "instruction_set"
    SOCKET = "socket"
    CORES = "cores"
    THREADS = "threads"
    SPEED_MAX_MHZ = "speed_max_mhz"
    SPEED_MIN_MHZ = "speed_min_mhz"
    # Memory
    CAPACITY_MIB = "capacity_mib"
    MEMORY_DEVICE = "memory_device"
    ERROR_CORRECTION = "error_correction"
    SPEEDS_MHZ = "speeds_mhz"
    SPEED_MHZ = "speed_mhz"
    MEMORY_TOTAL_GIB = "memory_total_gib"
    # Drives
    CAPACITY_BYTES = "capacity_bytes"
    MEDIA = "media"
    PROTOCOL = "protocol"
    FORM_FACTOR = "form_factor"
    FAILURE_PREDICTED = "failure_predicted"
    LIFE_LEFT_PERCENT = "life_left_percent"
    # Power and cooling equipment
    SCHEMA = "schema"
    POWER_CAPACITY_W = "power_capacity_w"
    INPUT_VOLTAGE_TYPE = "input_voltage_type"
    LINE_INPUT = "line_input"
    HEAT_CAPACITY_W = "heat_capacity_w"
    SERVICE_HOURS = "service_hours"
    SERVICE_HOURS_RATED = "service_hours_rated"
    SERVICED_ON = "serviced_on"
    HOT_PLUGGABLE = "hot_pluggable"
    REPLACEABLE = "replaceable"
    CAPACITY_L = "capacity_l"
    LEVEL_STATE = "level_state"
    FLUID = "fluid"
    FLUID_DENSITY = "fluid_density"
    FLUID_SPECIFIC_HEAT = "fluid_specific_heat"
    # Interfaces, addresses, ports
    MAC = "mac"
    SPEED_MBPS = "speed_mbps"
    SPEED_GBPS = "speed_gbps"
    SPEED_MAX_GBPS = "speed_max_gbps"
    ENABLED = "enabled"
    LINK = "link"
    LINK_STATE = "link_state"
    MTU = "mtu"
    HOST_NAME = "host_name"
    FQDN = "fqdn"
    NAME_SERVERS = "name_servers"
    DHCP4 = "dhcp4"
    DHCP6 = "dhcp6"
    ADDRESS = "address"
    ADDRESS_ORIGIN = "address_origin"
    ADDRESS_STATE = "address_state"
    MASK = "mask"
    PREFIX_LENGTH = "prefix_length"
    GATEWAY = "gateway"
    # Controllers and what they offer
    TIME_OFFSET = "time_offset"
    RESET_AT = "reset_at"
    HTTP = "http"
    HTTP_PORT = "http_port"
    HTTPS = "https"
    HTTPS_PORT = "https_port"
    SSH = "ssh"
    SSH_PORT = "ssh_port"
    IPMI = "ipmi"
    IPMI_PORT = "ipmi_port"
    NTP = "ntp"
    NTP_SERVERS = "ntp_servers"
    CONSOLE_SSH = "console_ssh"
    CONSOLE_SSH_PORT = "console_ssh_port"
    CONSOLE_IPMI = "console_ipmi"
    CONSOLE_SESSIONS = "console_sessions"
    SCREEN = "screen"
    SCREEN_SESSIONS = "screen_sessions"
    # Systems
    BIOS_VERSION = "bios_version"
    PROCESSORS = "processors"
    PROCESSOR_MODEL = "processor_model"
    POWER_RESTORE = "power_restore"
    SECURE_BOOT = "secure_boot"
    SECURE_BOOT_NOW = "secure_boot_now"
    SECURE_BOOT_MODE = "secure_boot_mode"
    # Software and integrity
    UPDATEABLE = "updateable"
    WRITE_PROTECTED = "write_protected"
    SOFTWARE_ID = "software_id"
    TYPE_VERSION = "type_version"
    TARGET = "target"
    CERTIFICATE_PEM = "certificate_pem"
    RECEIVED_BYTES = "received_bytes"
    SENT_BYTES = "sent_bytes"
    # Limits that a device states for one of its sensors, in the unit of the quantity
    UPPER_FATAL = "upper_fatal"
    UPPER_CRITICAL = "upper_critical"
    UPPER_CAUTION = "upper_caution"
    LOWER_CAUTION = "lower_caution"
    LOWER_CRITICAL = "lower_critical"
    LOWER_FATAL = "lower_fatal"


TYPES: dict[Fact, FactType] = {
    **dict.fromkeys(Fact, FactType.TEXT),
    **dict.fromkeys(
        (
            *(Fact.CORES, Fact.THREADS, Fact.CAPACITY_MIB, Fact.CAPACITY_BYTES, Fact.MTU, Fact.PREFIX_LENGTH),
            *(Fact.SPEED_MBPS, Fact.HTTP_PORT, Fact.HTTPS_PORT, Fact.SSH_PORT, Fact.IPMI_PORT, Fact.CONSOLE_SSH_PORT),
            *(Fact.SPEED_MHZ, Fact.SPEED_MAX_MHZ, Fact.SPEED_MIN_MHZ, Fact.CONSOLE_SESSIONS, Fact.SCREEN_SESSIONS),
            *(Fact.PROCESSORS, Fact.HEAT_CAPACITY_W, Fact.RECEIVED_BYTES, Fact.SENT_BYTES),
        ),
        FactType.WHOLE,
    ),
    **dict.fromkeys(
        (
            *(Fact.SPEED_GBPS, Fact.SPEED_MAX_GBPS, Fact.LIFE_LEFT_PERCENT, Fact.MEMORY_TOTAL_GIB),
            *(Fact.POWER_CAPACITY_W, Fact.SERVICE_HOURS, Fact.SERVICE_HOURS_RATED),
            *(Fact.CAPACITY_L, Fact.FLUID_DENSITY, Fact.FLUID_SPECIFIC_HEAT),
            *(Fact.UPPER_FATAL, Fact.UPPER_CRITICAL, Fact.UPPER_CAUTION),
            *(Fact.LOWER_CAUTION, Fact.LOWER_CRITICAL, Fact.LOWER_FATAL),
        ),
        FactType.NUMBER,
    ),
    **dict.fromkeys(
        (
            *(Fact.ENABLED, Fact.DHCP4, Fact.FAILURE_PREDICTED, Fact.UPDATEABLE, Fact.WRITE_PROTECTED, Fact.SCREEN),
            *(Fact.HTTP, Fact.HTTPS, Fact.SSH, Fact.IPMI, Fact.NTP, Fact.CONSOLE_SSH, Fact.CONSOLE_IPMI),
            *(Fact.SECURE_BOOT, Fact.HOT_PLUGGABLE, Fact.REPLACEABLE),
        ),
        FactType.FLAG,
    ),
    # All zeros are an address, and no placeholder for one.
    **dict.fromkeys((Fact.ADDRESS, Fact.MASK, Fact.GATEWAY), FactType.ADDRESS),
    Fact.NAME_SERVERS: FactType.TEXTS,
    Fact.NTP_SERVERS: FactType.TEXTS,
    Fact.SPEEDS_MHZ: FactType.WHOLES,
}
"""The type of each fact."""

PASSING: frozenset[Fact] = frozenset(
    (
        *(Fact.STATE, Fact.HEALTH, Fact.LINK, Fact.LINK_STATE, Fact.ADDRESS_STATE, Fact.LINE_INPUT, Fact.LEVEL_STATE),
        *(Fact.FAILURE_PREDICTED, Fact.LIFE_LEFT_PERCENT, Fact.RECEIVED_BYTES, Fact.SENT_BYTES, Fact.SECURE_BOOT_NOW),
    )
)
"""What is true of the moment it was read; every other fact stays as it is until somebody changes the part."""


class AspectKind(StrEnum):
    """What an endpoint has besides parts: views, settings and addresses of them."""

    SYSTEM = "system"
    SECURE_BOOT = "secure_boot"
    CONTROLLER = "controller"
    PROTOCOLS = "protocols"
    INTERFACE = "interface"
    ADDRESS = "address"
    PORT = "port"
    INTEGRITY = "integrity"
    BOARD = "board"
    PORT_COUNTS = "port_counts"
    LIMITS = "limits"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Aspect:
    """One such thing.  `of` is whose it is: the path of its owner below the service root, empty for none.

    `rank` tells apart what has the same id with the same owner: the addresses of an interface, the boards of a chassis.
    Limits have no owner: their id is the reading that they are of (`gpu0.temperature`, as it is called below its tray).
    """

    kind: AspectKind
    id: str
    of: str = ""
    rank: int = 0
    facts: dict[str, FactValue] = field(default_factory=dict)
