"""A bounded walk over an endpoint's links: what it reaches becomes the stock report.  Stays on the endpoint."""

import asyncio
from dataclasses import dataclass, field

from firmware_bridge.drivers.redfish.link import BACKGROUND, RedfishLink
from firmware_bridge.drivers.redfish.tree import ROOT, Tree, in_lanes
from firmware_bridge.vocabulary.errors import EndpointUnreachable
from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import every_link, local_path, tidy

MOST_RESOURCES = 6_000
MOST_SECONDS = 300.0
_LANES = 4  # the link keeps to the endpoint's limit; two more keep its queue from running dry
# Bulk that says nothing about parts, firmware, sensors or leaks.
SKIPPED = frozenset(
    {
        *("LogServices", "Registries", "JsonSchemas", "SessionService", "Sessions", "AccountService", "EventService"),
        *("Tasks", "TelemetryService", "CertificateService", "Certificates", "Actions", "BootOptions", "Bios"),
        *("SecureBoot", "Assembly", "Ports", "NetworkPorts", "HostInterfaces", "VirtualMedia", "NetworkProtocol"),
        *("EthernetInterfaces", "SerialInterfaces", "PCIeSlots", "SubProcessors", "MemoryChunks", "MemoryDomains"),
        *("KeyService", "ComponentIntegrity", "TrustedComponents", "Certificate", "Controls", "OperatingConfigs"),
        *("NetworkDeviceFunctions", "PCIeFunctions", "PCIeDevices", "USBControllers", "JobService", "LicenseService"),
        *("@Redfish.Settings", "@Redfish.ActionInfo", "Conditions", "OriginOfCondition", "RelatedItem"),
    }
)


@dataclass(slots=True)
class Found:
    """What a walk brought home."""

    documents: dict[str, Document] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


async def crawl(
    link: RedfishLink,
    urgency: int = BACKGROUND,
    most_resources: int = MOST_RESOURCES,
    most_seconds: float = MOST_SECONDS,
) -> Found:
    """Follow every link of the endpoint that can lead to parts, breadth first, collections expanded where offered.

    Ends early, with a note, at the cap on resources or seconds.  Raises what the link raises for the service root.
    """
    tree = Tree(link, urgency)
    await tree.root()
    notes = tree.notes
    seen = {ROOT}
    wave = [ROOT]
    deadline = asyncio.get_running_loop().time() + most_seconds
    while wave:
        found = _next_wave(tree, wave, seen, link.origin)
        room = most_resources - len(seen)
        if len(found) > room:
            notes.append(Note(ROOT, "", f"more than {most_resources} resources: the rest was not looked at"))
            found = found[: max(0, room)]
        seen.update(found)
        try:
            in_time = await _visit(tree, found, deadline)
        except EndpointUnreachable as err:
            notes.append(Note(ROOT, "", f"went silent while it was read: {err.detail}"))
            break
        if not in_time:
            notes.append(Note(ROOT, "", f"not finished within {most_seconds:g} s: the rest was not looked at"))
            break
        wave = [u for u in found if u in tree.documents]
    return Found(tree.documents, notes)


async def _visit(tree: Tree, uris: list[str], deadline: float) -> bool:
    """Fetch one wave; collections are asked with `$expand` so that their members cost nothing further.

    Returns False when it ended at `deadline` (the loop's time) with some of the wave unread.
    """
    loop = asyncio.get_running_loop()
    waiting = [uri for uri in reversed(uris) if uri not in tree.documents]

    async def lane() -> None:
        while waiting and loop.time() <= deadline:
            uri = waiting.pop()
            if uri in tree.documents:
                continue
            if tree.expand and _looks_like_collection(uri):
                await tree.members(uri)
            else:
                await tree.get(uri)

    await in_lanes(lane, _LANES)
    return not waiting


def _looks_like_collection(uri: str) -> bool:
    """Guess by the spelling; a wrong guess only costs the saving."""
    last = uri.rsplit("/", 1)[-1]
    return last in _PLURALS


_PLURALS = frozenset(
    {
        *("Chassis", "Systems", "Managers", "Processors", "Memory", "Sensors", "FirmwareInventory", "PowerSupplies"),
        *("Fans", "LeakDetectors", "Drives", "NetworkAdapters", "Switches", "Fabrics", "Storage", "Controllers"),
        *("Pumps", "Filters", "Reservoirs", "CDUs", "Outlets", "Batteries", "PowerShelves", "SoftwareInventory"),
    }
)


def _next_wave(tree: Tree, wave: list[str], seen: set[str], origin: str) -> list[str]:
    found: dict[str, None] = {}
    for source in wave:
        for link in every_link(tree.documents[source], SKIPPED):
            try:
                uri = tidy(local_path(link, origin))
            except ValueError as err:
                tree.notes.append(Note(source, "@odata.id", str(err)[:200]))
                continue
            if uri not in seen and uri.startswith(ROOT):
                found[uri] = None
    return list(found)
