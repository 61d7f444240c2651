"""Which events a subscriber wants, by the properties of an EventDestination.  Pure; an empty list wants everything."""

from collections.abc import Sequence
from typing import Any

import msgspec

Record = dict[str, Any]
"""One Event record: MessageId, EventType, MessageSeverity, OriginOfCondition …"""


class Selection(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that is set must hold.  `origin_resources` are URIs without a trailing slash."""

    event_types: tuple[str, ...] = ()
    registry_prefixes: tuple[str, ...] = ()
    resource_types: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    origin_resources: tuple[str, ...] = ()
    subordinate_resources: bool = False
    exclude_registry_prefixes: tuple[str, ...] = ()
    exclude_message_ids: tuple[str, ...] = ()

    def wants(self, record: Record, above: Sequence[str] = ()) -> bool:
        """Tell whether a record is wanted; `above` are the resources that its origin is subordinate to."""
        message, prefix = short_id(record), registry_of(record)
        origin = origin_of(record)
        return (
            _in(record.get("EventType"), self.event_types)
            and _in(prefix, self.registry_prefixes)
            and _in(resource_type(origin), self.resource_types)
            and (not self.message_ids or bool({message, record.get("MessageId")} & set(self.message_ids)))
            and _in(record.get("MessageSeverity"), self.severities)
            and (not self.origin_resources or self._from(origin, above))
            and prefix not in self.exclude_registry_prefixes
            and not {message, record.get("MessageId")} & set(self.exclude_message_ids)
        )

    def _from(self, origin: str, above: Sequence[str]) -> bool:
        if origin in self.origin_resources:
            return True
        return self.subordinate_resources and bool(set(parents_of(origin, above)) & set(self.origin_resources))


def _in(value: Any, wanted: tuple[str, ...]) -> bool:
    return not wanted or value in wanted


def registry_of(record: Record) -> str:
    """Return the registry's prefix of a MessageId, `Rackwright` of `Rackwright.1.0.LeakCritical`."""
    return str(record.get("MessageId", "")).partition(".")[0]


def short_id(record: Record) -> str:
    """Return a MessageId without the registry's version, `Rackwright.LeakCritical`: both ways of writing are in use."""
    parts = str(record.get("MessageId", "")).split(".")
    return f"{parts[0]}.{parts[-1]}"


def origin_of(record: Record) -> str:
    """Return the URI that a record is about, empty when it names none."""
    origin = record.get("OriginOfCondition")
    return str(origin.get("@odata.id", "")) if isinstance(origin, dict) else ""


_TYPES = {
    "Chassis": "Chassis",
    "Systems": "ComputerSystem",
    "Managers": "Manager",
    "Fabrics": "Fabric",
    "TaskService": "Task",
    "UpdateService": "UpdateService",
    "PowerEquipment": "PowerEquipment",
    "ThermalEquipment": "ThermalEquipment",
}
RESOURCE_TYPES = tuple(sorted(_TYPES.values()))


def resource_type(origin: str) -> str:
    """Return the type of the resource that events are about: its collection or service under the root tells."""
    parts = origin.split("/")
    return _TYPES.get(parts[3], "") if len(parts) > 3 else ""


def parents_of(origin: str, above: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what an origin is subordinate to: `above` (the rack of a tray) and every longer part of its own URI."""
    parts = origin.split("/")
    return (*above, *("/".join(parts[:n]) for n in range(4, len(parts))))
