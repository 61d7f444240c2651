"""XIDs in Redfish events: a baseboard's BMC passes the driver's line on.  Pure.

As recorded: ResourceErrorsDetected of a GPU's chassis with the argument `[Thu Dec 7 …][1][00] XID 62 badf5723(…) …`
(capture dgx-h100-8gpu); the kernel's own form is `NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT …`.
"""

import re
from collections.abc import Iterable

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.xid import ToldXid
from firmware_bridge.wire.redfish.events import EventRecord
from firmware_bridge.wire.redfish.plan import Plan

_XID = re.compile(r"\bXID(?:\s*\(PCI:(?P<pci>[0-9a-f:.]+)\))?[\s:]+(?P<number>\d{1,4})\b[\s,:]*(?P<text>.*)", re.I)


def told_xids(records: Iterable[EventRecord], plan: Plan, endpoint: Place) -> list[ToldXid]:
    """Return the XIDs that records name, each at the GPU that `plan` reads below the record's origin, else at the
    endpoint's tray."""
    found = []
    for record in records:
        match = next((m for words in (*record.args, record.text) if (m := _XID.search(words))), None)
        if match is not None:
            place = _gpu_below(plan, record.origin) or tray_of(endpoint)
            text, pci = match["text"].rstrip("'. "), match["pci"] or ""
            found.append(ToldXid(place, int(match["number"]), text, pci, record.time))
    return found


def _gpu_below(plan: Plan, origin: str) -> Place | None:
    """Return the one GPU that is read at or below a URI."""
    if not origin:
        return None
    fetched = [(f.uri, f.extracts) for fetches in plan.fetches.values() for f in fetches]
    places = {
        extract.series.place
        for uri, extracts in (*fetched, *plan.sensors.items())
        if uri == origin or uri.startswith(f"{origin}/")
        for extract in extracts
        if leaf_of(extract.series.place).startswith("gpu")
    }
    return places.pop() if len(places) == 1 else None
