"""A rack's GPU hosts: messages of their agents to their sources, and what is to be told of the GPUs every second."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from firmware_bridge.ports.hosts import Fed
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import EndpointSpec, Generation
from firmware_bridge.vocabulary.inventory import EndpointReport, ItemKind
from firmware_bridge.vocabulary.place import Place, join_place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.xids import XidCatalogue
from rack_controller.decide.gpus import (
    PAIRS,
    Contradictions,
    Tolerance,
    notice_contradictions,
    tell_host_event,
    tell_serials,
)
from rack_controller.decide.notice import Finding
from rack_controller.model.layout import Layout
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.subjects import RackSubjects
from rack_controller.run.bus import Bus
from rack_controller.run.stock import Stock

SERIALS_EVERY = Seconds(30.0)
_SLOT_TOKEN = 5  # rw.v1.<site>.<rack>.agent.<slot>.telemetry


@dataclass(frozen=True, slots=True)
class GpuRules:
    """What judging GPUs needs: the XID catalogue, and the generation's tolerances by what is compared."""

    xids: XidCatalogue
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)


def rules_of(generation: Generation) -> dict[str, Tolerance]:
    """Return a generation's tolerances: `read.disagreement` of its host endpoint.  Raises ConfigurationError."""
    for slot in generation.slots:
        for spec in slot.tray.endpoints:
            said = spec.read.get("disagreement")
            if said is not None:
                rules = said if isinstance(said, dict) else {"": said}
                return {str(name): _tolerance(generation.name, spec, str(name), rule) for name, rule in rules.items()}
    return {}


def _tolerance(generation: str, spec: EndpointSpec, name: str, rule: object) -> Tolerance:
    where = f"generation {generation}: endpoint {spec.name}: read.disagreement.{name}"
    if name not in PAIRS:
        raise ConfigurationError(where, advice=f"one of {', '.join(PAIRS)}")
    wanted = ("within", "share", "for_s")
    values = [rule.get(key, 0.0) if isinstance(rule, dict) else None for key in wanted]
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool) and v >= 0]
    if len(numbers) < len(wanted) or set(rule if isinstance(rule, dict) else ()) - set(wanted):
        raise ConfigurationError(where, advice="{within: in its unit, share: 0 to 1, for_s: seconds}")
    return Tolerance(numbers[0], numbers[1], Seconds(numbers[2]))


class Hosts:
    """The hosts of one rack."""

    def __init__(self, layout: Layout, sources: Mapping[Place, TelemetrySource], stock: Stock, rules: GpuRules) -> None:
        self._layout, self._sources, self._stock, self._rules = layout, sources, stock, rules
        self._known: tuple[TelemetrySource, ...] = ()
        self._fed: dict[Place, Fed] = {}
        self._by_slot: dict[str, Fed] = {}
        self._gpus: list[Place] = []
        self._others: dict[Place, list[Place]] = {}
        self._apart: Contradictions = {}
        self._strange_serials: set[tuple[Place, str, str]] = set()
        self.on_told: Callable[[], object] = lambda: None  # an agent said something
        self._serials_at = Seconds(float("-inf"))
        self._look_around()

    def attach(self, bus: Bus, subjects: RackSubjects) -> None:
        """Hear the rack's agents; those of hosts that are added later too."""
        bus.hear(subjects.agent_telemetry("*"), self._deliver)

    def notice(self, after: Snapshot) -> list[Finding]:
        """Return what is to be told now: events that agents sent, contradictions between driver and BMC."""
        self._look_around()
        findings = [
            tell_host_event(place, event, self._rules.xids)
            for place, source in self._fed.items()
            for event in source.happened()
        ]
        self._apart, apart = notice_contradictions(self._apart, after, self._gpus, self._rules.tolerances)
        findings += apart
        if after.now - self._serials_at >= SERIALS_EVERY:
            self._serials_at = after.now
            findings += self._compare_serials()
        return findings

    def _look_around(self) -> None:
        """Find the hosts among the rack's sources, which may be other ones than a second ago."""
        now = tuple(self._sources.values())
        if now == self._known:
            return
        self._known = now
        self._fed = {place: source for place, source in self._sources.items() if isinstance(source, Fed)}
        self._by_slot = {leaf_of(tray_of(place)): source for place, source in self._fed.items()}
        trays = {tray_of(place): place for place in self._fed}
        for view in self._layout.trays:
            host = trays.get(Place(view.place))
            if host is not None:
                self._others[host] = [Place(e.place) for e in view.endpoints if e.place != host]
        counts = {Place(t.place): sum(c.count for c in t.components if c.name == "gpu") for t in self._layout.trays}
        self._gpus = [join_place(t, f"gpu{n}") for t in sorted(trays) for n in range(counts.get(t, 0))]

    def _deliver(self, subject: str, body: bytes) -> None:
        parts = subject.split(".")
        source = self._by_slot.get(parts[_SLOT_TOKEN]) if len(parts) > _SLOT_TOKEN else None
        if source is not None:
            source.deliver(body)
            self.on_told()

    def _compare_serials(self) -> list[Finding]:
        found: set[tuple[Place, str, str]] = set()
        for host, others in ((h, self._others.get(h, [])) for h in self._fed):
            inside = _serials(self._stock.known(host))
            for outside in (_serials(self._stock.known(other)) for other in others):
                # Numbers are compared only where each side tells its parts apart.
                if len(inside) == len(outside) and len(set(outside)) == len(outside):
                    pairs = zip(inside, outside, strict=True)
                    tray = tray_of(host)
                    found |= {(join_place(tray, f"gpu{n}"), a, b) for n, (a, b) in enumerate(pairs) if a != b}
        fresh = sorted(found - self._strange_serials)
        self._strange_serials = found
        return [tell_serials(place, inside, outside) for place, inside, outside in fresh]


def _serials(report: EndpointReport | None) -> list[str]:
    """Return the serial numbers of a report's GPUs in the order of their ids; empty unless each has one."""
    if report is None:
        return []
    gpus = sorted((i for i in report.inventory if i.kind is ItemKind.GPU), key=lambda i: (len(i.id), i.id))
    serials = [i.serial_number for i in gpus]
    return [s for s in serials if s] if all(serials) else []
