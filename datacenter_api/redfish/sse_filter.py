"""`$filter` of an event stream (DSP0266 §13.5): which events a reader wants, by what an event is and what it is of."""

from collections.abc import Sequence
from urllib.parse import unquote

from datacenter_api.redfish.push.selection import Record, origin_of, parents_of, registry_of, resource_type
from firmware_bridge.redfish_service.filters import Filter, parse_filter
from firmware_bridge.redfish_service.messages import RequestRefused

PROPERTIES = (
    *("EventFormatType", "MessageId", "MetricReportDefinition", "OriginResource", "RegistryPrefix"),
    *("ResourceType", "SubordinateResources"),
)


def read_filter(query: bytes) -> Filter | None:
    """Return the filter in a query string, None without one.

    Raises RequestRefused: 501 for any other `$` option, 400 for a filter that is malformed or names a property which
    no event is chosen by.
    """
    wanted: Filter | None = None
    for part in query.decode("latin-1").split("&") if query else ():
        name, _, value = part.partition("=")
        name = unquote(name)
        if name == "$filter":
            if wanted is not None:
                raise RequestRefused("QueryCombinationInvalid")
            wanted = parse_filter(unquote(value.replace("+", " ")))
            if not wanted.names <= set(PROPERTIES):
                raise RequestRefused("QueryParameterValueFormatError", wanted.text[:128], "$filter")
        elif name.startswith("$") or name in ("only", "excerpt"):
            raise RequestRefused("QueryNotSupported")
    return wanted


def passes(wanted: Filter, record: Record, above: Sequence[str] = ()) -> bool:
    """Tell whether a stream with this filter shows a record; `above` are the resources that its origin is part of."""
    origin = origin_of(record)
    shown = {
        "EventFormatType": "Event",
        "MessageId": record.get("MessageId"),
        "RegistryPrefix": registry_of(record),
        "ResourceType": resource_type(origin),
        "OriginResource": origin,
        "SubordinateResources": False,
    }
    if wanted.keeps(shown):
        return True
    if "SubordinateResources" not in wanted.names:
        return False
    with_parts = {**shown, "SubordinateResources": True}
    return any(wanted.keeps({**with_parts, "OriginResource": at}) for at in (origin, *parents_of(origin, above)))
