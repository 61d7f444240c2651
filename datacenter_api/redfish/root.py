"""The service itself: ServiceRoot, the OData documents, registries and schema files."""

from typing import Any

from datacenter_api.redfish.registry import REGISTRY, REGISTRY_VERSION, registry
from datacenter_api.redfish.shapes import ROOT, VERSIONS, Body, collection, ref, resource
from datacenter_api.redfish.world import World
from firmware_bridge.redfish_service.messages import REGISTRY as BASE
from firmware_bridge.redfish_service.query import MOST_LEVELS

# What hangs under the root, by property; each is a collection or a service at the URI of the same name.
LINKED = (
    "AccountService",
    "AggregationService",
    "CertificateService",
    "Chassis",
    "ComponentIntegrity",
    "EventService",
    "Fabrics",
    "JsonSchemas",
    "Managers",
    "PowerEquipment",
    "Registries",
    "SessionService",
    "Systems",
    "TelemetryService",
    "ThermalEquipment",
    "UpdateService",
)
PRIVILEGES = "Rackwright_1.0_PrivilegeRegistry"
_SCHEMAS = "http://redfish.dmtf.org/schemas/v1"
_COLLECTIONS = (
    *("Aggregate", "AggregationSource", "Battery", "Certificate", "Chassis", "Circuit", "ComputerSystem"),
    *("CoolantConnector", "CoolingLoop", "CoolingUnit", "EventDestination", "Fabric", "Fan", "Filter"),
    *("JsonSchemaFile", "LeakDetector", "LogEntry", "LogService", "Manager"),
    *("ComponentIntegrity", "Control", "Drive", "EthernetInterface", "NetworkAdapter", "Port", "Storage"),
    *("ManagerAccount", "Memory", "MessageRegistryFile", "MetricReport", "MetricReportDefinition"),
    *("PowerDistribution", "PowerSupply", "Processor", "Pump", "Reservoir", "Role", "Sensor", "Session"),
    *("SoftwareInventory", "Switch", "Task"),
)
# What other schemas refer to without a version of its own here.
_SHARED = ("Resource", "Message", "Redundancy", "IPAddresses", "PhysicalContext", "Settings", "Protocol")


def build_root(world: World, uri: str) -> Body:
    """Return the ServiceRoot."""
    return {
        **resource("ServiceRoot", uri, "Rackwright"),
        "Id": "RootService",
        "RedfishVersion": "1.23.0",
        "UUID": world.uuid,
        "Vendor": "Rackwright",
        "Product": "Rackwright",
        "ProtocolFeaturesSupported": {
            "ExcerptQuery": True,
            "FilterQuery": True,
            "MultipleHTTPRequests": True,
            "OnlyMemberQuery": True,
            "SelectQuery": True,
            "TopSkipQuery": True,
            "ExpandQuery": {
                "ExpandAll": True,
                "Levels": True,
                "Links": True,
                "NoLinks": True,
                "MaxLevels": MOST_LEVELS,
            },
            "DeepOperations": {"DeepPATCH": False, "DeepPOST": False},
        },
        **{name: ref(f"{ROOT}/{name}") for name in LINKED},
        "Tasks": ref(f"{ROOT}/TaskService"),
        "Links": {"Sessions": ref(f"{ROOT}/SessionService/Sessions")},
    }


def build_odata(_world: World, _uri: str) -> Body:
    """Return the OData service document."""
    names = [("Service", f"{ROOT}/")] + [(name, f"{ROOT}/{name}") for name in LINKED]
    names += [("Tasks", f"{ROOT}/TaskService"), ("Sessions", f"{ROOT}/SessionService/Sessions")]
    return {
        "@odata.context": f"{ROOT}/$metadata",
        "value": [{"name": name, "kind": "Singleton", "url": url} for name, url in names],
    }


def metadata() -> bytes:
    """Return the OData metadata document: which schema each namespace comes from."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">',
    ]
    for name in sorted({*VERSIONS, *_SHARED, *(f"{c}Collection" for c in _COLLECTIONS)}):
        lines.append(f'  <edmx:Reference Uri="{_SCHEMAS}/{name}_v1.xml">')
        lines.append(f'    <edmx:Include Namespace="{name}"/>')
        if name in VERSIONS:
            lines.append(f'    <edmx:Include Namespace="{name}.{VERSIONS[name]}"/>')
        lines.append("  </edmx:Reference>")
    root = f"ServiceRoot.{VERSIONS['ServiceRoot']}.ServiceContainer"
    lines += [
        f'  <edmx:Reference Uri="{_SCHEMAS}/RedfishExtensions_v1.xml">',
        '    <edmx:Include Namespace="RedfishExtensions.v1_0_0" Alias="Redfish"/>',
        "  </edmx:Reference>",
        "  <edmx:DataServices>",
        '    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">',
        f'      <EntityContainer Name="Service" Extends="{root}"/>',
        "    </Schema>",
        "  </edmx:DataServices>",
        "</edmx:Edmx>",
    ]
    return "\n".join(lines).encode()


def build_registries(_world: World, uri: str) -> Body:
    """Return the message registries in use."""
    return collection("MessageRegistryFile", uri, "Message registries", [BASE, REGISTRY, PRIVILEGES])


def build_registry_file(_world: World, uri: str, name: str) -> Body | None:
    """Return where a registry is: the Base registry at its publisher, ours and the privileges here."""
    if name == BASE:
        place = {"PublicationUri": f"http://redfish.dmtf.org/registries/{BASE}.0.json"}
    elif name == REGISTRY:
        place = {"Uri": f"{ROOT}/Registries/{REGISTRY}/Rackwright.{REGISTRY_VERSION}.json"}
    elif name == PRIVILEGES:
        place = {"Uri": f"{ROOT}/AccountService/PrivilegeMap"}
    else:
        return None
    return _file("MessageRegistryFile", uri, f"{name} message registry", place, Registry=name)


def build_registry(_world: World, _uri: str, name: str, file: str) -> Body | None:
    """Return our own message registry."""
    return registry() if name == REGISTRY and file == f"Rackwright.{REGISTRY_VERSION}.json" else None


def build_schemas(_world: World, uri: str) -> Body:
    """Return the schemas that resources are written in."""
    return collection("JsonSchemaFile", uri, "Schemas", sorted(VERSIONS))


def build_schema_file(_world: World, uri: str, name: str) -> Body | None:
    """Return where one schema is published."""
    if name not in VERSIONS:
        return None
    full = f"{name}.{VERSIONS[name]}"
    place = {"PublicationUri": f"{_SCHEMAS}/{full}.json"}
    return _file("JsonSchemaFile", uri, f"{name} schema", place, Schema=f"#{full}.{name}")


def _file(kind: str, uri: str, name: str, place: Body, **more: Any) -> Body:
    location = [{"Language": "en", **place}]
    return resource(kind, uri, name, Languages=["en"], Location=location, **more)
