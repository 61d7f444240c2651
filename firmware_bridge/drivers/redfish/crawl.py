"""A bounded walk over an endpoint's links: what it reaches becomes the stock report.  Stays on the endpoint."""

import asyncio
from dataclasses import dataclass, field

from firmware_bridge.drivers.redfish.link import BACKGROUND, RedfishLink
from firmware_bridge.drivers.redfish.tree import ROOT, Tree, in_lanes
from firmware_bridge.vocabulary.errors import EndpointUnreachable, ResourceMissing
from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.wire.redfish.catalog import type_of
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import every_link, resolved, tidy

MOST_RESOURCES = 6_000
MOST_SECONDS = 300.0
_LANES = 4  # the link keeps to the endpoint's limit; two more keep its queue from running dry
# Bulk that says nothing about parts, firmware, sensors or leaks.
SKIPPED = frozenset(
    {
        *("LogServices", "Registries", "JsonSchemas", "SessionService", "Sessions", "AccountService", "EventService"),
        *("Tasks", "TelemetryService", "CertificateService", "Certificates", "Actions", "BootOptions", "Bios"),
        *("SecureBootDatabases", "NetworkPorts", "HostInterfaces", "VirtualMedia", "VLANs", "OperatingConfigs"),
        *("SerialInterfaces", "PCIeSlots", "SubProcessors", "MemoryChunks", "MemoryDomains", "ComponentsProtected"),
        *("KeyService", "TrustedComponents", "Certificate", "ComponentCertificate", "Controls"),
        *("NetworkDeviceFunctions", "PCIeFunctions", "PCIeDevices", "USBControllers", "JobService", "LicenseService"),
        *("@Redfish.Settings", "@Redfish.ActionInfo", "Conditions", "OriginOfCondition", "RelatedItem"),
    }
)

# A port's links lead to its counters and to the far end: a rack has a thousand ports, and a report needs neither.
_LEAVES = frozenset({"Port"})
# What is looked at after all the rest, and only where it may be the one place that shows an accelerator.
_DEVICES = frozenset({"PCIeDevices", "PCIeFunctions"})
_ACCELERATORS = frozenset({"gpu", "accelerator", "oem"})


@dataclass(slots=True)
class Found:
    """What a walk brought home.  `unread`: the URIs of resources that are there and could not be read; of a walk that
    ended before it had been everywhere (`cut`) also the service root, because anything below it may be missing."""

    documents: dict[str, Document] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    unread: tuple[str, ...] = ()
    cut: bool = False

    @property
    def seen(self) -> str:
        """Return `whole` when every resource that there is was read, else `part`: counts are then a lower bound."""
        return "part" if self.cut or self.unread else "whole"


async def crawl(
    link: RedfishLink,
    urgency: int = BACKGROUND,
    most_resources: int = MOST_RESOURCES,
    most_seconds: float = MOST_SECONDS,
) -> Found:
    """Follow every link of the endpoint that can lead to parts, breadth first, collections expanded where offered.

    Ends early, with a note, at the cap on resources or seconds.  Raises what the link raises for the service root.
    """
    walk = _Walk(Tree(link, urgency), link.origin, most_resources, asyncio.get_running_loop().time() + most_seconds)
    await walk.tree.root()
    try:
        if not await walk.follow([ROOT], SKIPPED) or not await walk.follow(walk.devices(), SKIPPED - _DEVICES):
            walk.cut_short(f"not finished within {most_seconds:g} s: the rest was not looked at")
    except EndpointUnreachable as err:
        walk.cut_short(f"went silent while it was read: {err.detail}")
    if link.sends_password:
        walk.note("SessionService", "no sessions here: user and password go with every request")
    unread = [uri for uri, err in walk.tree.failed.items() if not isinstance(err, ResourceMissing)]
    return Found(walk.tree.documents, walk.tree.notes, (*unread, *((ROOT,) if walk.cut else ())), walk.cut)


@dataclass(slots=True)
class _Walk:
    """One walk: what was seen of a tree, and how much more may be."""

    tree: Tree
    origin: str
    most: int
    deadline: float
    seen: set[str] = field(default_factory=lambda: {ROOT})
    cut: bool = False

    def cut_short(self, why: str) -> None:
        self.cut = True
        self.note("", why)

    def note(self, name: str, what: str, uri: str = ROOT) -> None:
        self.tree.notes.append(Note(uri, name, what))

    async def follow(self, wave: list[str], skip: frozenset[str]) -> bool:
        """Follow the links of `wave` and of all they lead to.  Returns False when the time was over before."""
        while wave:
            found = self._links_of(wave, skip)
            room = self.most - len(self.seen)
            if len(found) > room:
                self.cut_short(f"more than {self.most} resources: the rest was not looked at")
                found = dict(list(found.items())[: max(0, room)])
            self.seen.update(found)
            if not await _visit(self.tree, list(found.values()), self.deadline):
                return False
            wave = [key for key in found if key in self.tree.documents]
        return True

    def devices(self) -> list[str]:
        """Return the resources whose PCIe devices are worth a look: all, on an endpoint that shows no GPU otherwise."""
        documents = self.tree.documents
        gpus = any(str(d.get("ProcessorType")).lower() in _ACCELERATORS for d in documents.values())
        return [] if gpus else [u for u, d in documents.items() if not _DEVICES.isdisjoint(d)]

    def _links_of(self, wave: list[str], skip: frozenset[str]) -> dict[str, str]:
        """Return the new resources that a wave links to, by key, each as the service spells it."""
        found: dict[str, str] = {}
        for source in wave:
            if type_of(self.tree.documents[source]) in _LEAVES:
                continue
            for link in every_link(self.tree.documents[source], skip):
                try:
                    uri, oddity = resolved(link, source, self.origin)
                except ValueError as err:
                    self.note("@odata.id", str(err)[:200], source)
                    continue
                if oddity:
                    self.note("@odata.id", oddity, source)
                if (key := tidy(uri)) not in self.seen and key.startswith(ROOT):
                    found[key] = uri
        return found


async def _visit(tree: Tree, uris: list[str], deadline: float) -> bool:
    """Fetch one wave; collections are asked with `$expand` so that their members cost nothing further.

    Returns False when it ended at `deadline` (the loop's time) with some of the wave unread.
    """
    loop = asyncio.get_running_loop()
    waiting = [uri for uri in reversed(uris) if tidy(uri) not in tree.documents]

    async def lane() -> None:
        while waiting and loop.time() <= deadline:
            uri = waiting.pop()
            if tidy(uri) in tree.documents:
                continue
            if tree.expand and _looks_like_collection(uri):
                await tree.members(uri)
            else:
                await tree.get(uri)

    await in_lanes(lane, _LANES)
    return not waiting


def _looks_like_collection(uri: str) -> bool:
    """Guess by the spelling; a wrong guess only costs the saving."""
    return tidy(uri).rsplit("/", 1)[-1] in _PLURALS


_PLURALS = frozenset(
    {
        *("Chassis", "Systems", "Managers", "Processors", "Memory", "Sensors", "FirmwareInventory", "PowerSupplies"),
        *("Fans", "LeakDetectors", "Drives", "NetworkAdapters", "Switches", "Fabrics", "Storage", "Controllers"),
        *("EthernetInterfaces", "ComponentIntegrity", "Ports"),
        *("Pumps", "Filters", "Reservoirs", "CDUs", "Outlets", "Batteries", "PowerShelves", "SoftwareInventory"),
    }
)
