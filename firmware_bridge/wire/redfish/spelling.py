"""Documents that only spell things in their own way, put into Redfish's spelling; what was changed is named.

Nothing is read here and no value is touched: only names of properties, arrays that stand for collections, and bare
paths that stand for links.
"""

from functools import lru_cache
from typing import Any

# The names that our readers look for.  A device that writes `reading` or `@odata.ID` means them.
_NAMES = (
    *("@odata.id", "@odata.type", "Id", "Name", "Members", "Members@odata.nextLink", "Status", "State", "Health"),
    *("Reading", "ReadingType", "ReadingUnits", "ReadingBasis", "SetPoint", "DataSourceUri", "DetectorState"),
    *("SerialNumber", "PartNumber", "Model", "Manufacturer", "UUID", "FirmwareVersion", "Version", "MemberId"),
    *("ProcessorType", "PowerState", "PowerCapacityWatts", "CapacityWatts", "Temperatures", "Fans", "PowerControl"),
    *("ReadingCelsius", "ReadingVolts", "PowerConsumedWatts", "LastPowerOutputWatts", "PowerSupplies", "Voltages"),
    *("Chassis", "Systems", "Managers", "UpdateService", "FirmwareInventory", "Sensors", "Processors", "Memory"),
    *("PowerSubsystem", "ThermalSubsystem", "Power", "Thermal", "EnvironmentMetrics", "LeakDetection"),
    *("LeakDetectors", "LeakDetectorGroups", "Detectors", "Links", "Actions"),
)
# Where Redfish has a link and nothing else: a bare path there is one.
_LINKS = frozenset(
    {
        *("Chassis", "Systems", "Managers", "UpdateService", "FirmwareInventory", "Sensors", "Processors", "Memory"),
        *("PowerSubsystem", "ThermalSubsystem", "Power", "Thermal", "EnvironmentMetrics", "LeakDetection"),
        *("LeakDetectors", "PowerSupplies", "Fans", "Metrics", "Storage", "Drives", "NetworkAdapters", "Ports"),
        *("ComputerSystems", "ManagedBy", "ManagerForServers", "ManagerForChassis", "ManagerInChassis", "Contains"),
        *("ContainedBy", "ManagersInChassis", "SessionService", "EventService", "TelemetryService", "Fabrics"),
        *("ThermalEquipment", "PowerEquipment", "CDUs", "PowerShelves", "EthernetInterfaces", "Assembly"),
    }
)
_PATH = "/redfish/"
_BY_LOWER = {name.lower(): name for name in _NAMES}
# Below these a maker's own names begin, and a name that looks like Redfish's need not be it.
_FOREIGN = frozenset({"Oem", "Actions", "Attributes"})
_MOST_NAMED = 4


@lru_cache(maxsize=4096)
def _meant(name: str) -> str:
    """Return the name in Redfish's spelling, empty when it needs none."""
    found = _BY_LOWER.get(name.lower(), "")
    return "" if found == name else found


def straight(body: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return `body` with its properties spelled as Redfish has them, and the names that were not.

    Looks at the resource and one level below it.  A property that is there in both spellings stays as it is.  The
    body itself is never changed; one that needs nothing comes back as the same object.
    """
    changed: list[str] = []
    fresh = _respelled(body, changed)
    for name, value in body.items() if fresh is body else list(fresh.items()):
        if name in _FOREIGN or not isinstance(value, dict | list):
            continue
        inner = _inside(value, changed)
        if inner is not value:
            fresh = dict(fresh) if fresh is body else fresh
            fresh[name] = inner
    return fresh, tuple(dict.fromkeys(changed))[:_MOST_NAMED]


ARRAY = "an array where Redfish has a collection: its members are read"


def own_spelling(names: tuple[str, ...]) -> str:
    """Return what is to be noted of `straight`'s names."""
    return f"spelled in its own way ({', '.join(names)}): read as Redfish's"


def as_collection(body: list[Any]) -> dict[str, Any]:
    """Return the collection that a bare array stands for."""
    return {"Members": body}


def _inside(value: Any, changed: list[str]) -> Any:
    if isinstance(value, dict):
        return _respelled(value, changed)
    inner = [_respelled(item, changed) if isinstance(item, dict) else item for item in value]
    return inner if any(new is not old for new, old in zip(inner, value, strict=True)) else value


def _respelled(body: dict[str, Any], changed: list[str]) -> dict[str, Any]:
    odd = {name: meant for name in body if (meant := _meant(name)) and meant not in body}
    bare = [name for name, value in body.items() if odd.get(name, name) in _LINKS and _is_bare(value)]
    if not odd and not bare:
        return body
    changed += [*odd, *(name for name in bare if name not in odd)]
    return {odd.get(name, name): _linked(value) if name in bare else value for name, value in body.items()}


def _is_bare(value: Any) -> bool:
    """Tell whether a path, or a list with one, stands where Redfish has links."""
    return any(isinstance(v, str) and v.startswith(_PATH) for v in (value if isinstance(value, list) else (value,)))


def _linked(value: Any) -> Any:
    if isinstance(value, list):
        return [_linked(item) for item in value]
    return {"@odata.id": value} if isinstance(value, str) and value.startswith(_PATH) else value
