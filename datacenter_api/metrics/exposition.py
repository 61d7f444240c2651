"""The whole `/metrics` page from memory: racks' lines gathered by family, and what the API knows about itself."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.trays import management_counts
from datacenter_api.fleet.usable import usable_of
from datacenter_api.fleet.view import QUALITY_WORDS, RackView, view_of
from datacenter_api.history.chronicle import HistoryFigures
from datacenter_api.metrics.families import FAMILIES, Family
from datacenter_api.metrics.template import Template, escape, make_template
from datacenter_api.notify.figures import TargetView
from datacenter_api.redfish.figures import RedfishFigures
from firmware_bridge.vocabulary.event_path import PathKind
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.audit_log import AuditStanding
from rack_controller.model.building_view import Isolation
from rack_controller.model.layout import Layout
from rack_controller.model.liveness import Presence
from rack_controller.model.snapshot import ManagementAxis

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_INFO = Family("rack_info", "A rack and its generation.")
_USABLE = Family("rack_power_usable_watts", "DC power that may be used: by the budget, else by design.")
_GPUS = Family("rack_gpus", "GPUs that the rack is planned with.")
_AGE = Family("rack_frame_age_seconds", "Age of the last telemetry frame.")
_LIVE = Family("rack_live", "The rack's telemetry is current (1) or not (0).")
_SERIES = Family("rack_readings", "Readings in the rack's series table.")
_UNKNOWN = Family("rack_readings_unknown", "Readings that have no line here, by reason.")
_ENDPOINTS = Family("rack_endpoints", "Enabled endpoints by management state.")
_EVENTS = Family("rack_endpoint_events", "How the events of an endpoint come, one line per way (1: this one).")
_SUBTREE = Family("rack_subtree_state", "How alive the part behind an endpoint is, one line per state (1: this one).")
_SUBTREE_MISSING = Family("rack_subtree_missing_parts", "Parts behind an endpoint that should be seen and are not.")
_LAST = Family("rack_poll_last_success_timestamp_seconds", "When an endpoint was last read successfully.")
_UNSTORED = Family("rack_stream_refused", "A stream takes no messages of the rack now (1) or does (0).")
_WAITING = Family("rack_outbox_waiting", "Messages that the controller keeps until their stream takes them.")
_DROPPED = Family("rack_outbox_dropped_total", "Messages lost because too many waited for their stream.", "counter")
_ARMED = Family("rackwright_rack_armed", "The interlocks of the rack act (1) or only say what they would do (0).")
_TRIPPED = Family("rackwright_interlock_tripped", "Places where an interlock's cause is tripped now.")
_LATCHES = Family("rackwright_latches_open", "Latches that keep something off until a person clears them.")
_UNRESOLVED = Family("rackwright_effects_unresolved", "Requests to devices of which nobody knows the end yet.")
_ALARMS = Family("rack_alarms", "Alarms by priority and state, every pair of them; normal ones have no line.")
_FLOOD = Family("rack_alarm_flood", "More alarms were raised lately than anybody can answer (1) or not (0).")
_TOLD = Family(
    "rackwright_alarm_news_total", "News of alarms delivered to a webhook or mailbox, and attempts failed.", "counter"
)
_UNTOLD = Family("rackwright_alarm_news_waiting", "News of alarms that did not reach a webhook or mailbox yet.")
_B_ARMED = Family("rackwright_power_budget_armed", "The power budget writes limits (1) or only works them out (0).")
_B_USABLE = Family("rackwright_power_usable_watts", "DC power that the rack may use, by what it must live through.")
_B_LIMIT = Family("rackwright_power_limit_allows_watts", "AC power that a limit of the power budget allows.")
_B_CHARGED = Family("rackwright_power_limit_charged_watts", "The most AC power that can be asked of a limit now.")
_B_HELD = Family("rackwright_power_gpus_held", "GPUs that may draw less than their own default limit.")
_B_STRANDED = Family("rackwright_power_stranded_watts", "What the rack could use and another limit keeps from it.")
_B_SHORT = Family("rackwright_power_shortfall_watts", "By how much the least limits alone pass a limit.")
_B_IN_BAND = Family("rackwright_power_in_band_hosts", "Hosts whose agents keep limits in band, by how they stand.")
_B_SHED = Family("rackwright_power_trays_shed", "Trays that the power budget has switched off.")
_B_HEAT = Family("rackwright_power_breaker_heat", "Heat of a breaker as a share of what trips it.")
_B_RESERVE = Family("rackwright_power_breaker_reserve", "What is left of a breaker's heat reserve (1: all of it).")
_B_RAMP = Family("rackwright_power_ramp_allows_watts", "AC power that a ramp lets its racks be granted now.")
_B_STEEP = Family("rackwright_power_ramp_steepest_watts_per_second", "Steepest 5 s of the last minute on their meters.")
_B_JOB = Family("rackwright_power_job_energy_joules", "AC energy of a running job's GPUs with what follows them.")
_B_DOUBT = Family("rackwright_power_job_energy_doubt_joules", "By how much the energy of a running job may be wrong.")
_B_WRITES = Family("rackwright_power_limits_written_total", "Limits that the power budget has sent.", "counter")
_B_STEP = Family("rackwright_power_budget_step_seconds", "How long the last decision over all racks took.")
_BUILDING = Family("rackwright_building_heard", "The building's heartbeat is heard (1) or lost (0).")
_BUILDING_LEAK = Family("rackwright_building_leak", "The building reports a leak at the rack (1) or none (0).")
_ISOLATION = Family(
    "rackwright_building_isolation", "How an isolation by the building stands, one line per state (1: this one)."
)
_OVERDUE = Family("rackwright_building_isolation_overdue", "An isolation was asked for and not confirmed in time.")
_POINTS = Family("rackwright_building_points", "Points that the building says of the rack, by whether they are good.")
_B_REFUSED = Family(
    "rackwright_building_messages_refused_total", "Messages of the building that could not be believed.", "counter"
)
_BUS = Family("rackwright_bus_connected", "The API hears the bus (1) or not (0).")
_STREAMS = Family("rackwright_streams", "Event streams open now.")
_DELIVERIES = Family(
    "rackwright_event_deliveries_refused_total", "Pushed events that controllers did not take, by reason.", "counter"
)
_PUSHED = Family(
    "rackwright_redfish_pushes_total", "Events pushed to listeners, and attempts that failed, by outcome.", "counter"
)
_REFUSED = Family("rackwright_redfish_refused_total", "Redfish requests answered with an error, by status.", "counter")
_DISCARDED = Family("rack_reading_discarded_total", "Messages discarded because they were malformed.", "counter")
_A_RECORDS = Family("rackwright_audit_records_total", "Number of the newest record of an audit log.", "counter")
_A_HEAD = Family("rackwright_audit_head_info", "Hash of the newest record: kept elsewhere, it proves all before it.")
_A_WAITING = Family("rackwright_audit_waiting", "Audit records that wait because the disk takes none.")
_A_LOST = Family("rackwright_audit_lost_total", "Audit records lost because too many waited.", "counter")

_H_POINTS = Family("rackwright_history_points_total", "Points written to segments since the API started.", "counter")
_H_BYTES = Family("rackwright_history_bytes", "Disk space that history takes, by kind.")
_H_BUDGET = Family("rackwright_history_budget_bytes", "Disk space that history may take.")
_H_BROKEN = Family("rackwright_history_broken_segments", "Segments that could not be read and were set aside.")
_H_REPEATS = Family("rackwright_history_repeats_total", "Frames delivered again that history held already.", "counter")
_H_WAITING = Family("rackwright_history_unexplained_frames", "Frames in memory whose series table is not known yet.")
_H_WRITING = Family("rackwright_history_writing", "History is written (1) or cannot be written now (0).")

_REASONS = tuple(word for quality, word in QUALITY_WORDS.items() if quality != Quality.GOOD)
_DISCARDS = tuple(f"{what}_malformed" for what in ("frame", "change", "state", "event", "outbox"))
_AXIS_WORDS = (*(axis.value for axis in ManagementAxis), "unknown")


@dataclass
class Exposition:
    """Renders the page; keeps one template per rack and remakes it when the table or the layout changes."""

    _templates: dict[str, tuple[Columns, Layout, Template]] = field(default_factory=dict)

    def render(
        self,
        records: Iterable[RackRecord],
        now: Seconds,
        unix_s: float,
        *,
        connected: bool,
        streams: int,
        discarded: dict[str, int],
        history: HistoryFigures | None = None,
        redfish: RedfishFigures | None = None,
        audit: Iterable[AuditStanding] = (),
        told: Sequence[TargetView] = (),
    ) -> bytes:
        """Return the page in the Prometheus text format, every family in one block."""
        own = _OwnLines()
        refused: dict[str, dict[str, int]] = {}  # by controller: one listener serves all of its racks
        racks: list[dict[str, bytes]] = []
        for record in records:
            if record.layout is None:
                continue
            view = view_of(record, now)
            own.rack(record, record.layout, view, now, unix_s)
            refused[record.boot] = record.deliveries_refused
            if view is not None:
                racks.append(self._template(record, view.columns, record.layout).render(view))
        own.add(_BUS, "", int(connected))
        own.add(_STREAMS, "", streams)
        deliveries: Counter[str] = Counter()
        for counts in refused.values():
            deliveries.update(counts)  # keeps the zeros, which `+` would drop
        for reason, count in sorted(deliveries.items()):
            own.add(_DELIVERIES, f'reason="{escape(reason)}"', count)
        for reason, count in {**dict.fromkeys(_DISCARDS, 0), **discarded}.items():
            own.add(_DISCARDED, f'reason="{escape(reason)}"', count)
        if history is not None:
            own.history(history)
        if redfish is not None:
            for outcome, count in redfish.pushes().items():
                own.add(_PUSHED, f'outcome="{outcome}"', count)
            for status, count in sorted(redfish.refused.items()):
                own.add(_REFUSED, f'status="{status}"', count)
        for standing in audit:
            own.audit(standing)
        for target in told:
            name = f'target="{escape(target.name)}"'
            own.add(_TOLD, f'{name},outcome="delivered"', target.delivered)
            own.add(_TOLD, f'{name},outcome="failed"', target.failed)
            own.add(_UNTOLD, name, target.waiting)
        blocks = [own.page()]
        for family in FAMILIES.values():
            lines = [block for rack in racks if (block := rack.get(family.name))]
            if lines:
                blocks += [_head(family), *lines, b"\n"]
        return b"".join(blocks)

    def _template(self, record: RackRecord, columns: Columns, layout: Layout) -> Template:
        kept = self._templates.get(record.token)
        if kept is None or kept[0] is not columns or kept[1] is not layout:
            kept = (columns, layout, make_template(columns, layout))
            self._templates[record.token] = kept
        return kept[2]


class _OwnLines:
    """Lines that do not come from a series: the rack as a whole, its endpoints, the API."""

    def __init__(self) -> None:
        self._blocks: dict[str, list[str]] = {}

    def add(self, family: Family, labels: str, value: float | str) -> None:
        lines = self._blocks.get(family.name)
        if lines is None:
            lines = self._blocks[family.name] = [_head(family).decode()]
        lines.append(f"\n{family.name}{{{labels}}} {value}" if labels else f"\n{family.name} {value}")

    def rack(self, record: RackRecord, layout: Layout, view: RackView | None, now: Seconds, unix_s: float) -> None:
        rack = f'rack="{escape(layout.rack)}"'
        self.add(_INFO, f'{rack},generation="{escape(layout.generation)}"', 1)
        usable, by = usable_of(record, layout)
        self.add(_USABLE, f'{rack},by="{by}"', round(usable))
        self.add(_GPUS, rack, layout.gpus)
        self.add(_LIVE, rack, int(record.live(now)))
        age = record.age(now)
        if age is not None:
            self.add(_AGE, rack, round(age, 3))
        if view is not None:
            counts = np.bincount(view.quality, minlength=len(QUALITY_WORDS))
            self.add(_SERIES, rack, len(view.columns.series))
            for number, word in QUALITY_WORDS.items():
                if word in _REASONS:
                    self.add(_UNKNOWN, f'{rack},reason="{word}"', int(counts[number]))
        self._interlocks(rack, record)
        self._budget(rack, record)
        self._alarms(rack, record)
        self._building(rack, record)
        self._endpoints(rack, record, now, unix_s)
        self._outboxes(rack, record, now)

    def _outboxes(self, rack: str, record: RackRecord, now: Seconds) -> None:
        refused = {report.stream for report in record.unstored(now)}
        for stream, report in sorted(record.outboxes.items()):
            labels = f'{rack},stream="{escape(stream)}"'
            self.add(_UNSTORED, labels, int(stream in refused))
            self.add(_WAITING, labels, report.waiting)
            self.add(_DROPPED, labels, report.dropped)

    def _interlocks(self, rack: str, record: RackRecord) -> None:
        said = record.interlocks
        if said is None:
            return
        self.add(_ARMED, rack, int(said.armed))
        self.add(_LATCHES, rack, said.latches_open)
        self.add(_UNRESOLVED, rack, said.unresolved)
        for cause, places in sorted(Counter(trip.cause for trip in said.tripped).items()):
            self.add(_TRIPPED, f'{rack},cause="{escape(cause)}"', places)

    def _budget(self, rack: str, record: RackRecord) -> None:
        said = record.budget
        if said is None:
            return
        self.add(_B_ARMED, rack, int(said.armed))
        self.add(_B_USABLE, f'{rack},under="wanted"', round(said.usable_w))
        self.add(_B_USABLE, f'{rack},under="now"', round(said.usable_now_w))
        for name, kind, limit, charged in said.limits:
            labels = f'{rack},limit="{escape(name)}",kind="{escape(kind)}"'
            self.add(_B_LIMIT, labels, round(limit))
            self.add(_B_CHARGED, labels, round(charged))
        self.add(_B_HELD, rack, said.held)
        self.add(_B_STRANDED, rack, round(said.stranded_w))
        self.add(_B_SHORT, rack, round(said.shortfall_w))
        for state, count in said.in_band.items():
            self.add(_B_IN_BAND, f'{rack},state="{escape(state)}"', count)
        self.add(_B_SHED, rack, said.shed)
        for job, energy, doubt in said.jobs:
            self.add(_B_JOB, f'job="{escape(job)}"', round(energy))
            self.add(_B_DOUBT, f'job="{escape(job)}"', round(doubt))
        for name, heat, reserve in said.breakers:
            self.add(_B_HEAT, f'{rack},breaker="{escape(name)}"', round(heat, 4))
            self.add(_B_RESERVE, f'{rack},breaker="{escape(name)}"', round(reserve, 4))
        for name, may, rose, fell in said.ramps:
            labels = f'{rack},ramp="{escape(name)}"'
            self.add(_B_RAMP, labels, round(may))
            for way, rate in (("up", rose), ("down", fell)):
                if rate is not None:
                    self.add(_B_STEEP, f'{labels},way="{way}"', round(rate))
        self.add(_B_WRITES, rack, said.writes)
        self.add(_B_STEP, rack, round(said.step_s, 6))

    def _alarms(self, rack: str, record: RackRecord) -> None:
        said = record.alarms
        if said is None:
            return
        for priority, states in said.counts.items():
            for state, count in states.items():
                self.add(_ALARMS, f'{rack},priority="{priority}",state="{state}"', count)
        self.add(_FLOOD, rack, int(said.flood))

    def _building(self, rack: str, record: RackRecord) -> None:
        said = record.building
        if said is None:
            return
        self.add(_BUILDING, rack, int(not said.silent))
        if said.leak is not None:
            self.add(_BUILDING_LEAK, rack, int(said.leak))
        for kind, state in (("liquid", said.liquid), ("electrical", said.electrical)):
            for one in Isolation:
                self.add(_ISOLATION, f'{rack},kind="{kind}",state="{one}"', int(one is state))
        self.add(_OVERDUE, rack, int(said.overdue))
        self.add(_POINTS, f'{rack},good="yes"', said.points - said.points_not_good)
        self.add(_POINTS, f'{rack},good="no"', said.points_not_good)
        self.add(_B_REFUSED, rack, said.refused)

    def _endpoints(self, rack: str, record: RackRecord, now: Seconds, unix_s: float) -> None:
        counts = management_counts(record, now)
        for word in _AXIS_WORDS:
            self.add(_ENDPOINTS, f'{rack},management="{word}"', counts[word])
        heard = record.endpoints_heard
        if heard is None:
            return
        said_s = unix_s - (now - heard)
        for endpoint in record.endpoints:
            if endpoint.events:
                labels = _endpoint_labels(rack, endpoint.place)
                for way in PathKind:
                    self.add(_EVENTS, f'{labels},events="{way}"', int(endpoint.events == way))
            if endpoint.subtree:
                labels = f'{_endpoint_labels(rack, endpoint.place)},subtree="{escape(endpoint.subtree)}"'
                for presence in Presence:
                    self.add(_SUBTREE, f'{labels},state="{presence}"', int(endpoint.subtree_state == presence))
                self.add(_SUBTREE_MISSING, labels, len(endpoint.subtree_missing))
            if endpoint.last_success_age_s is not None:
                labels = _endpoint_labels(rack, endpoint.place)
                self.add(_LAST, labels, f"{said_s - endpoint.last_success_age_s:.1f}")

    def history(self, figures: HistoryFigures) -> None:
        self.add(_H_POINTS, "", figures.points)
        self.add(_H_BYTES, 'kind="seconds"', figures.seconds_bytes)
        self.add(_H_BYTES, 'kind="minutes"', figures.minutes_bytes)
        self.add(_H_BYTES, 'kind="tables"', figures.tables_bytes)
        self.add(_H_BUDGET, "", figures.budget_bytes)
        self.add(_H_BROKEN, "", figures.broken)
        self.add(_H_REPEATS, "", figures.repeats)
        self.add(_H_WAITING, "", figures.unexplained)
        self.add(_H_WRITING, "", int(not figures.trouble))

    def audit(self, standing: AuditStanding) -> None:
        labels, head = f'writer="{escape(standing.writer)}"', standing.head
        self.add(_A_RECORDS, labels, head.sequence)
        self.add(_A_HEAD, f'{labels},sequence="{head.sequence}",hash="{escape(head.hash)}"', 1)
        if standing.waiting is not None and standing.lost is not None:
            self.add(_A_WAITING, labels, standing.waiting)
            self.add(_A_LOST, labels, standing.lost)

    def page(self) -> bytes:
        return "".join("".join(lines) + "\n" for lines in self._blocks.values()).encode()


@lru_cache(maxsize=16_384)
def _endpoint_labels(rack: str, place: str) -> str:
    *_, tray, name = place.split("/")
    return f'{rack},tray="{escape(tray)}",endpoint="{escape(name)}"'


def _head(family: Family) -> bytes:
    return f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.type}".encode()
