"""Queries applied to documents: members paged, references expanded, properties selected.  Pure."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from firmware_bridge.redfish_service.filters import Filter
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.query import Query

Lookup = Callable[[str], dict[str, Any] | None]
MOST_EXPANDED = 5000
_ALWAYS = frozenset(("@odata.id", "@odata.type", "@odata.context", "@odata.etag"))


# What an excerpt of a resource has besides where and what it is: the properties that DSP8010 2025.4 annotates so.
# A resource of any other kind has no excerpt and is shown whole.
EXCERPTS: dict[str, frozenset[str]] = {
    "Control": frozenset(
        (
            *("AllowableMax", "AllowableMin", "AllowableNumericValues", "ControlLoop", "ControlMode"),
            *("DefaultSetPoint", "ReadingUnits", "SetPoint", "SetPointUnits", "SettingMax", "SettingMin"),
        )
    ),
    "Job": frozenset(("EstimatedCompletionTime", "JobState", "PercentComplete")),
    "LeakDetector": frozenset(("DetectorState", "DeviceName", "PhysicalContext", "PhysicalSubContext")),
    "Sensor": frozenset(
        (
            *("ApparentVA", "ApparentkVAh", "CrestFactor", "DeviceName", "LifetimeReading", "PhaseAngleDegrees"),
            *("PhysicalContext", "PhysicalSubContext", "PowerFactor", "ReactiveVAR", "ReactivekVARh", "Reading"),
            *("SensorResetTime", "SpeedRPM", "THDPercent"),
        )
    ),
}


def shape(body: dict[str, Any], query: Query, lookup: Lookup) -> dict[str, Any]:
    """Return `body` as the query wants it.  `lookup` returns other resources by URI, None where there is none.

    Raises RequestRefused: `only`, `$filter`, `$top` or `$skip` on something that is not a collection.
    """
    if query.filter is not None:
        body = _filtered(body, query.filter, lookup)
    if query.only or query.top is not None or query.skip:
        body = _page(body, query, lookup)
    if query.expand:
        body = _expand(body, query.expand, query.levels, lookup, [MOST_EXPANDED])
    if query.excerpt:
        body = _excerpt(body)
    if query.select:
        body = _select(body, query.select)
    return body


def _excerpt(body: dict[str, Any]) -> dict[str, Any]:
    members = body.get("Members")
    if isinstance(members, list):
        return {**body, "Members": [_excerpt(m) if isinstance(m, dict) and len(m) > 1 else m for m in members]}
    kept = EXCERPTS.get(str(body.get("@odata.type", "")).lstrip("#").partition(".")[0])
    return body if kept is None else {k: v for k, v in body.items() if k in kept or k in _ALWAYS}


def _filtered(body: dict[str, Any], wanted: Filter, lookup: Lookup) -> dict[str, Any]:
    members = body.get("Members")
    if not isinstance(members, list):
        raise RequestRefused("QueryNotSupportedOnResource")
    kept = []
    for member in members:
        whole = lookup(str(member.get("@odata.id", ""))) if len(member) == 1 else member
        if whole is not None and wanted.keeps(whole):
            kept.append(member)
    return {**body, "Members": kept, "Members@odata.count": len(kept)}


def _page(body: dict[str, Any], query: Query, lookup: Lookup) -> dict[str, Any]:
    members = body.get("Members")
    if not isinstance(members, list):
        raise RequestRefused("QueryNotSupportedOnResource")
    if query.only:
        if len(members) != 1:
            return body
        return lookup(str(members[0].get("@odata.id", ""))) or body
    end = len(members) if query.top is None else query.skip + query.top
    paged = {**body, "Members": members[query.skip : end]}
    if end < len(members):
        top = "" if query.top is None else f"&$top={query.top}"
        top += "" if query.filter is None else f"&$filter={quote(query.filter.text)}"
        paged["Members@odata.nextLink"] = f"{body.get('@odata.id', '')}?$skip={end}{top}"
    return paged


def _expand(value: Any, kind: str, levels: int, lookup: Lookup, left: list[int], in_links: bool = False) -> Any:
    if isinstance(value, list):
        return [_expand(v, kind, levels, lookup, left, in_links) for v in value]
    if not isinstance(value, dict):
        return value
    target = value.get("@odata.id")
    if len(value) == 1 and isinstance(target, str):
        if kind == ("." if in_links else "~") or "#" in target or left[0] <= 0:
            return value
        found = lookup(target)
        if found is None:
            return value  # a collection that lists what is not there: shown as it is
        left[0] -= 1
        return _expand(found, kind, levels - 1, lookup, left) if levels > 1 else found
    return {
        k: _expand(v, kind, levels, lookup, left, in_links or k == "Links") if isinstance(v, (dict, list)) else v
        for k, v in value.items()
    }


def _select(body: dict[str, Any], paths: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in body.items():
        rests = [p[1:] for p in paths if p[0] in (key, "*")]
        if key in _ALWAYS or any(not rest for rest in rests):
            kept[key] = value
        elif rests and isinstance(value, dict):
            kept[key] = _select(value, tuple(rests))
        elif rests and isinstance(value, list):
            kept[key] = [_select(v, tuple(rests)) if isinstance(v, dict) else v for v in value]
        elif key == "Members" and isinstance(value, list):
            # On a collection the selection is about its (expanded) members.
            kept[key] = [_select(v, paths) if isinstance(v, dict) else v for v in value]
        elif key == "Members@odata.count":
            kept[key] = value
    return kept
