"""Keeps which XIDs of a rack were heard of lately, so that agent, console and BMC tell of one together."""

from collections.abc import Mapping

from firmware_bridge.ports.hosts import Fed
from firmware_bridge.ports.offered import offers
from firmware_bridge.ports.telemetry import TelemetrySource, TellingXids
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.wire.nvml.xids import XidCatalogue
from rack_controller.decide.notice import Finding
from rack_controller.decide.xids import KIND, Heard, at_gpus, merge_xids, pci_of, tell_xid
from rack_controller.model.layout import Layout
from rack_controller.model.snapshot import Snapshot


class XidWatch:
    """One rack's.  `sources` may change while it is watched; `consoles`: the rack's consoles are listened to."""

    def __init__(
        self, layout: Layout, sources: Mapping[Place, TelemetrySource], catalogue: XidCatalogue, *, consoles: bool
    ) -> None:
        self._sources, self._catalogue = sources, catalogue
        self._heard: tuple[Heard, ...] = ()
        trays = (t for t in layout.trays if consoles and any(c.enabled for c in t.consoles))
        self._with_console = frozenset(Place(t.place) for t in trays)

    def look(self, findings: list[Finding], after: Snapshot) -> list[Finding]:
        """Return what is to be told now: XIDs put together, everything else as it came."""
        telling = [source for source in self._sources.values() if offers(source, TellingXids)]
        findings = [*findings, *(tell_xid(told) for source in telling for told in source.take_xids())]
        if not self._heard and not any(f.kind == KIND for f in findings):
            return findings
        hosts = {tray_of(place): source for place, source in self._sources.items() if offers(source, Fed)}
        places = at_gpus(findings, {tray: _gpus_at(host) for tray, host in hosts.items()})
        both = self._with_console & frozenset(hosts)
        self._heard, told = merge_xids(self._heard, places, after.now, both, self._catalogue)
        return told


def _gpus_at(host: Fed) -> dict[str, Place]:
    """Return a host's GPUs by PCI address.  Its agent's own word: a stock report comes later."""
    return {pci: gpu for spelt, gpu in host.gpus_at().items() if (pci := pci_of(spelt))}
