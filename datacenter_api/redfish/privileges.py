"""The privilege registry: which Redfish privilege each kind of resource asks for, method by method.

It says what the service does; a test compares it with what the service enforces.
"""

from datacenter_api.redfish.shapes import VERSIONS, Body, type_of
from datacenter_api.redfish.world import World

Ways = tuple[tuple[str, ...], ...]
"""Ways to be allowed, each a set of privileges that one must hold together."""
LOGIN: Ways = (("Login",),)
ANYBODY: Ways = (("NoAuth",),)
COMPONENTS: Ways = (("ConfigureComponents",),)
MANAGER: Ways = (("ConfigureManager",),)
USERS: Ways = (("ConfigureUsers",),)
OWN_OR_USERS: Ways = (("ConfigureSelf",), ("ConfigureUsers",))
"""What is one's own, or anybody's for whoever manages accounts."""
CHANGES = ("PATCH", "POST", "PUT", "DELETE")
USED = ("ConfigureComponents", "ConfigureManager", "ConfigureSelf", "ConfigureUsers", "Login", "NoAuth")

# How changes of a kind are allowed; what is not here is a component.
CHANGED_BY: dict[str, Ways] = {
    "AccountService": MANAGER,
    "AggregationService": MANAGER,
    "CertificateService": MANAGER,
    "EventService": MANAGER,
    "JsonSchemaFile": MANAGER,
    "MessageRegistryFile": MANAGER,
    "PrivilegeRegistry": MANAGER,
    "Role": MANAGER,
    "ServiceRoot": MANAGER,
    "SessionService": MANAGER,
    "TaskService": MANAGER,
    "TelemetryService": MANAGER,
    "Certificate": OWN_OR_USERS,
    "CertificateCollection": OWN_OR_USERS,
    "EventDestination": OWN_OR_USERS,
    "ManagerAccount": USERS,
    "ManagerAccountCollection": USERS,
    "Session": OWN_OR_USERS,
    "SessionCollection": ANYBODY,
}
READ_BY: dict[str, Ways] = {"ServiceRoot": ANYBODY, "ManagerAccount": OWN_OR_USERS, "Session": OWN_OR_USERS}
COLLECTIONS = ("CertificateCollection", "EventDestinationCollection", "ManagerAccountCollection", "SessionCollection")


def ways(entity: str, method: str) -> Ways:
    """Return how a method on a kind of resource is allowed."""
    if method in CHANGES:
        return CHANGED_BY.get(entity, COMPONENTS)
    return READ_BY.get(entity, LOGIN)


def build_registry(_world: World, uri: str) -> Body:
    """Return the PrivilegeRegistry."""
    return {
        "@odata.id": uri,
        "@odata.type": type_of("PrivilegeRegistry"),
        "Id": "PrivilegeMap",
        "Name": "Privileges by resource",
        "PrivilegesUsed": list(USED),
        "OEMPrivilegesUsed": [],
        "Mappings": [_mapping(entity) for entity in sorted({*VERSIONS, *COLLECTIONS} - {"Event"})],
    }


def _mapping(entity: str) -> Body:
    mapping: Body = {
        "Entity": entity,
        "OperationMap": {m: _operation(ways(entity, m)) for m in ("GET", "HEAD", *CHANGES)},
    }
    if entity == "ManagerAccount":
        own = {"Targets": ["Password"], "OperationMap": {"PATCH": _operation(OWN_OR_USERS)}}
        mapping["PropertyOverrides"] = [own]
    return mapping


def _operation(allowed: Ways) -> list[Body]:
    return [{"Privilege": list(way)} for way in allowed]
