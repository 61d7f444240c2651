"""Leak detectors wherever an endpoint shows them: resources of their own, or lines in a LeakDetection's groups."""

import json
from collections.abc import Iterator
from typing import Any

from firmware_bridge.vocabulary.inventory import LeakDetectorItem, Note
from firmware_bridge.wire.redfish.catalog import Catalog, Entry
from firmware_bridge.wire.redfish.facts import facts_of
from firmware_bridge.wire.redfish.guard import Document, scrub
from firmware_bridge.wire.redfish.links import tidy
from firmware_bridge.wire.redfish.numbers import UNREADABLE, leak_name

_CRITICAL = "Critical"
GROUPS, DETECTORS = "LeakDetectorGroups", "Detectors"


def leak_detectors(catalog: Catalog, notes: list[Note]) -> list[LeakDetectorItem]:
    """Return every leak detector once.

    A line of a group that names a detector's own resource is that detector: its resource counts, and
    a note tells where the line differs.  A detector that is off or absent saw nothing: unknown, never dry.
    """
    found: list[LeakDetectorItem] = []
    own: dict[str, str] = {}
    for entry in catalog.of("LeakDetector"):
        state = _state(entry.uri, entry.document.get("DetectorState"), entry.state, notes)
        own[entry.uri] = state
        found.append(LeakDetectorItem(entry.id, state, entry.uri, facts_of("LeakDetector", entry.document)))
    for entry in catalog.of("LeakDetection"):
        for uri, line in group_lines(entry.uri, entry.document):
            source = line.get("DataSourceUri")
            behind = tidy(source) if isinstance(source, str) else ""
            if behind in own:
                if leak_name(line.get("DetectorState")) != own[behind]:
                    notes.append(Note(uri, "DetectorState", f"differs from the detector itself ({own[behind]})"))
                continue
            state = _state(uri, line.get("DetectorState"), _status(line), notes)
            found.append(LeakDetectorItem(line_name(line, uri), state, uri))
            own[behind or uri] = state
    notes += own_words(catalog)
    return found


def own_words(catalog: Catalog) -> Iterator[Note]:
    """Yield a note for each list about leaks that stands in a maker's own part of a resource: nobody reads it."""
    for entry in catalog.entries.values():
        oem = entry.document.get("Oem")
        for maker, said in oem.items() if isinstance(oem, dict) else ():
            for name, value in said.items() if isinstance(said, dict) else ():
                if "leak" in name.lower() and isinstance(value, list) and any(isinstance(v, dict) for v in value):
                    where = f"Oem/{scrub(maker, 40)}/{scrub(name, 60)}"
                    yield Note(entry.uri, where, f"{len(value)} leak detectors in the maker's own words: not read")


def group_lines(uri: str, document: Document) -> Iterator[tuple[str, Document]]:
    """Yield (URI with fragment, line) of each detector in a LeakDetection's groups."""
    groups: Any = document.get(GROUPS)
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        lines: Any = group.get(DETECTORS) if isinstance(group, dict) else None
        for index, line in enumerate(lines if isinstance(lines, list) else ()):
            if isinstance(line, dict):
                yield f"{uri}#/{GROUPS}/{number}/{DETECTORS}/{index}", line


def line_name(line: Document, uri: str) -> str:
    """Return what a group's line calls its detector, else where it stands."""
    return scrub(line.get("DeviceName") or line.get("Name"), 256) or uri.partition("#")[2]


def _state(uri: str, said: Any, state: str, notes: list[Note]) -> str:
    name = leak_name(said)
    if name == "unknown":
        notes.append(Note(uri, "DetectorState", f"says {scrub(said, 40)!r}: taken as unknown"))
    elif said != name:
        notes.append(Note(uri, "DetectorState", f"{scrub(said, 40)!r} is read as {name}"))
    if name == "OK" and state in UNREADABLE:
        # It saw nothing because it does not look.  A leak it told of still counts.
        notes.append(Note(uri, "DetectorState", f"says OK, but is {state}: taken as unknown"))
        return "unknown"
    return name


def _status(line: Document) -> str:
    return Entry("", "", line).state


def called_critical(raw: bytes, uri: str) -> bytes:
    """Return a device's answer as it would be if the detector at `uri` was Critical: itself, a member of a collection,
    or a line of a group that names it.  Raises ValueError where there is none."""
    document = json.loads(raw)
    wet = [part for part in _parts(document) if _is_detector(part, uri)]
    if not wet and isinstance(document, dict) and "DetectorState" in document:
        wet = [document]
    if not wet:
        raise ValueError(f"no detector {uri} in what the device answers")
    for part in wet:
        part["DetectorState"] = _CRITICAL
        if isinstance(part.get("Status"), dict):
            part["Status"]["Health"] = _CRITICAL
    return json.dumps(document).encode()


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(below)


def _is_detector(part: dict[str, Any], uri: str) -> bool:
    named = part.get("@odata.id") or part.get("DataSourceUri")
    return "DetectorState" in part and isinstance(named, str) and tidy(named) == tidy(uri)
