"""Query options of DSP0266 §7.3: parsed into a Query, checked against what the service says it supports."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from firmware_bridge.redfish_service.filters import Filter, parse_filter
from firmware_bridge.redfish_service.messages import RequestRefused

_EXPAND = re.compile(r"([.*~])(?:\(\$levels=(\d{1,3})\))?")
MOST_LEVELS = 6


@dataclass(frozen=True, slots=True)
class Features:
    """What ServiceRoot.ProtocolFeaturesSupported promises."""

    expand_all: bool = True
    expand_links: bool = True
    expand_no_links: bool = True
    levels: bool = True
    max_levels: int = MOST_LEVELS
    select: bool = True
    only: bool = True
    top_skip: bool = True
    filter: bool = False
    excerpt: bool = False

    @classmethod
    def of_service_root(cls, root: dict[str, Any] | None) -> "Features":
        """Read the features out of a ServiceRoot document; what it does not mention is not supported."""
        told = (root or {}).get("ProtocolFeaturesSupported") or {}
        expand = told.get("ExpandQuery") or {}
        return cls(
            expand_all=bool(expand.get("ExpandAll")),
            expand_links=bool(expand.get("Links")),
            expand_no_links=bool(expand.get("NoLinks")),
            levels=bool(expand.get("Levels")),
            max_levels=int(expand.get("MaxLevels") or MOST_LEVELS),
            select=bool(told.get("SelectQuery")),
            only=bool(told.get("OnlyMemberQuery")),
            top_skip=bool(told.get("TopSkipQuery", True)),
            filter=bool(told.get("FilterQuery")),
            excerpt=bool(told.get("ExcerptQuery")),
        )


@dataclass(frozen=True, slots=True)
class Query:
    """The options of one request; `expand` is `.`, `*`, `~` or None."""

    expand: str | None = None
    levels: int = 1
    select: tuple[tuple[str, ...], ...] = ()
    top: int | None = None
    skip: int = 0
    only: bool = False
    filter: Filter | None = None
    excerpt: bool = False


def parse_query(text: str, features: Features) -> Query | None:
    """Return the options in a query string, None when it holds none that concerns us.

    Raises RequestRefused: 501 for a `$` option this service does not offer, 400 for a malformed value.
    Options without `$` that are not defined are ignored, as the standard asks.
    """
    found: dict[str, Any] = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        name = unquote(name)
        if name == "$filter" and features.filter:
            found["filter"] = parse_filter(unquote(value.replace("+", " ")))
            continue
        value = unquote(value)
        if name == "$expand":
            found["expand"], found["levels"] = _expand(value, features)
        elif name == "$select" and features.select:
            found["select"] = _select(value)
        elif name in ("$top", "$skip") and features.top_skip:
            found[name[1:]] = _count(name, value)
        elif (name == "only" and features.only) or (name == "excerpt" and features.excerpt):
            if value:
                raise RequestRefused("QueryParameterValueFormatError", value[:128], name)
            found[name] = True
        elif name.startswith("$") or name in ("only", "excerpt"):
            raise RequestRefused("QueryNotSupported")
    if found.get("only") and not found.keys().isdisjoint(("top", "skip", "filter")):
        raise RequestRefused("QueryCombinationInvalid")
    return Query(**found) if found else None


def _expand(value: str, features: Features) -> tuple[str, int]:
    offered = {"*": features.expand_all, ".": features.expand_no_links, "~": features.expand_links}
    if not any(offered.values()):
        raise RequestRefused("QueryNotSupported")
    match = _EXPAND.fullmatch(value)
    if match is None:
        raise RequestRefused("QueryParameterValueFormatError", value, "$expand")
    kind, levels = match[1], int(match[2] or 1)
    if not offered[kind] or (match[2] and not features.levels):
        raise RequestRefused("QueryNotSupported")
    if not 1 <= levels <= features.max_levels:
        raise RequestRefused("QueryParameterOutOfRange", str(levels), "$levels", f"1 to {features.max_levels}")
    return kind, levels


def _select(value: str) -> tuple[tuple[str, ...], ...]:
    paths = tuple(tuple(p.strip().split("/")) for p in value.split(",") if p.strip())
    if not paths or any(not all(steps) for steps in paths):
        raise RequestRefused("QueryParameterValueFormatError", value, "$select")
    return paths


def _count(name: str, value: str) -> int:
    if not value.isdigit() or len(value) > 9:
        raise RequestRefused("QueryParameterValueFormatError", value, name)
    return int(value)
