"""How a resource is written: types and their versions, links, collections, times.  Knows no rack.

Versions are those of DSP8010 2025.4.  An unknown value is None, which JSON shows as null.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

Body = dict[str, Any]
ROOT = "/redfish/v1"

# The schema version that each resource is written in.
VERSIONS: dict[str, str] = {
    "ActionInfo": "v1_5_0",
    "Aggregate": "v1_0_3",
    "AccountService": "v1_18_1",
    "AggregationService": "v1_0_3",
    "AggregationSource": "v1_5_0",
    "Assembly": "v1_6_1",
    "Battery": "v1_5_0",
    "BatteryMetrics": "v1_1_0",
    "Certificate": "v1_11_0",
    "CertificateLocations": "v1_0_4",
    "CertificateService": "v1_2_1",
    "Chassis": "v1_28_0",
    "Circuit": "v1_9_0",
    "ComponentIntegrity": "v1_3_2",
    "ComputerSystem": "v1_27_0",
    "Control": "v1_7_0",
    "CoolantConnector": "v1_3_0",
    "CoolingLoop": "v1_1_0",
    "CoolingUnit": "v1_5_0",
    "Drive": "v1_22_0",
    "EnvironmentMetrics": "v1_5_0",
    "EthernetInterface": "v1_12_4",
    "Event": "v1_13_0",
    "EventDestination": "v1_16_0",
    "EventService": "v1_12_0",
    "Fabric": "v1_4_0",
    "Fan": "v1_6_0",
    "Filter": "v1_1_0",
    "JsonSchemaFile": "v1_1_5",
    "LeakDetection": "v1_2_0",
    "LeakDetector": "v1_6_0",
    "LogEntry": "v1_21_0",
    "LogService": "v1_9_0",
    "Manager": "v1_24_0",
    "ManagerAccount": "v1_14_1",
    "ManagerNetworkProtocol": "v1_12_0",
    "Memory": "v1_23_0",
    "MemoryMetrics": "v1_8_0",
    "MessageRegistry": "v1_7_0",
    "MessageRegistryFile": "v1_1_5",
    "MetricReport": "v1_5_2",
    "MetricReportDefinition": "v1_4_7",
    "NetworkAdapter": "v1_14_0",
    "Port": "v1_18_0",
    "PortMetrics": "v1_8_1",
    "Power": "v1_7_3",
    "PowerDistribution": "v1_6_0",
    "PowerDistributionMetrics": "v1_4_0",
    "PowerEquipment": "v1_2_3",
    "PowerSubsystem": "v1_1_3",
    "PowerSupply": "v1_6_0",
    "PowerSupplyMetrics": "v1_2_0",
    "PrivilegeRegistry": "v1_2_0",
    "Processor": "v1_22_0",
    "ProcessorMetrics": "v1_7_0",
    "Pump": "v1_2_0",
    "Reservoir": "v1_0_2",
    "Role": "v1_3_3",
    "SecureBoot": "v1_1_2",
    "Sensor": "v1_12_0",
    "ServiceRoot": "v1_20_0",
    "Session": "v1_8_0",
    "SessionService": "v1_2_0",
    "SoftwareInventory": "v1_13_0",
    "Storage": "v1_21_0",
    "Switch": "v1_11_0",
    "Task": "v1_7_4",
    "TaskService": "v1_3_0",
    "TelemetryService": "v1_4_1",
    "Thermal": "v1_7_3",
    "ThermalEquipment": "v1_2_0",
    "ThermalMetrics": "v1_3_2",
    "ThermalSubsystem": "v1_5_0",
    "UpdateService": "v1_17_0",
}


def type_of(name: str) -> str:
    """Return the `@odata.type` of a resource, `#Chassis.v1_28_0.Chassis`."""
    return f"#{name}.{VERSIONS[name]}.{name}"


def resource(kind: str, uri: str, name: str, **properties: Any) -> Body:
    """Return a resource; its Id is the last part of its URI."""
    return {
        "@odata.id": uri,
        "@odata.type": type_of(kind),
        "Id": uri.rsplit("/", 1)[1],
        "Name": name,
        **properties,
    }


def collection(kind: str, uri: str, name: str, members: Iterable[str]) -> Body:
    """Return a collection of `kind` whose members have the ids `members`."""
    return gathered(kind, uri, name, [ref(f"{uri}/{member}") for member in members])


def gathered(kind: str, uri: str, name: str, members: Sequence[Body]) -> Body:
    """Return a collection of links, or of whole resources where the schema wants them in place."""
    return {
        "@odata.id": uri,
        "@odata.type": f"#{kind}Collection.{kind}Collection",
        "Name": name,
        "Members@odata.count": len(members),
        "Members": list(members),
    }


def ref(uri: str) -> Body:
    """Return a link."""
    return {"@odata.id": uri}


def refs(name: str, uris: Iterable[str]) -> Body:
    """Return the property `name` with its links and its count."""
    links = [ref(uri) for uri in uris]
    return {name: links, f"{name}@odata.count": len(links)}


def told(**properties: Any) -> Body:
    """Return the properties that are known: those that are None are left out."""
    return {name: value for name, value in properties.items() if value is not None}


def time_text(unix_ns: float) -> str:
    """Return a time as Redfish writes it: UTC, to the millisecond."""
    return datetime.fromtimestamp(unix_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
