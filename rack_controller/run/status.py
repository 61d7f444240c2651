"""How the endpoints of one rack stand, as the layers above see them: both axes with their ages.  Asks nobody."""

from firmware_bridge.ports.offered import offers
from firmware_bridge.ports.power import Bootable, PowerSwitch, Restartable
from firmware_bridge.ports.telemetry import TelemetrySource, Versioned
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.building_view import BuildingGlance
from rack_controller.model.failing import told
from rack_controller.model.interlock_view import InterlockGlance
from rack_controller.model.layout import EndpointStatus, RackState
from rack_controller.model.power import boot_view
from rack_controller.model.snapshot import EndpointState
from rack_controller.run.enrolment.enrolled import Enrolled
from rack_controller.run.operate.switches import outputs_of
from rack_controller.run.view import RackView


def rack_state(
    view: RackView,
    sources: dict[Place, TelemetrySource],
    enrolled: Enrolled | None = None,
    interlocks: InterlockGlance | None = None,
    building: BuildingGlance | None = None,
) -> RackState:
    """Return both axes of every endpoint with their ages.

    An endpoint that answers but refuses some resources shows the first such error, and how many there are.
    """
    snapshot = view.snapshot
    if snapshot is None:
        return RackState(view.layout.rack, view.revision, 0, view.boot, [], interlocks=interlocks, building=building)
    return RackState(
        rack=view.layout.rack,
        revision=view.revision,
        table_id=snapshot.table.table_id,
        boot=view.boot,
        endpoints=[
            _status(place, state, sources[place], snapshot.now, enrolled)
            for place, state in sorted(snapshot.endpoints.items())
        ],
        worn=view.worn,
        alarms=view.lasting,
        alarm_glance=view.alarms,
        deliveries_refused=view.refusals(),
        interlocks=interlocks,
        building=building,
    )


def _status(
    place: Place, state: EndpointState, source: TelemetrySource, now: Seconds, enrolled: Enrolled | None
) -> EndpointStatus:
    events, behind = state.events, state.subtree
    return EndpointStatus(
        place=place,
        state=state.state,
        management=state.management,
        since_s=round(now - state.since, 3),
        last_success_age_s=_age(state.last_success, now),
        error=state.error or _first_fault(source),
        faults=len(source.faults),
        error_age_s=_age(state.error_at, now) if state.error else None,
        events="" if events is None else events.kind,
        events_age_s=None if events is None else _age(events.proven_at, now),
        events_detail="" if events is None else events.detail,
        version=source.version if offers(source, Versioned) else "",
        subtree="" if behind is None else behind.name,
        subtree_state="" if behind is None else behind.liveness.presence,
        subtree_why="" if behind is None else behind.liveness.why,
        subtree_missing=[] if behind is None else list(behind.liveness.missing),
        held=None if enrolled is None else enrolled.holds.of(place),
        maintenance="" if enrolled is None else enrolled.maintenance(place),
        power_actions=sorted(source.power_actions) if offers(source, PowerSwitch) else [],
        boot=boot_view(source.boot) if offers(source, Bootable) else None,
        restarts=sorted(source.restarts) if offers(source, Restartable) else [],
        outputs=outputs_of(source),
        ready="" if enrolled is None else enrolled.examiner.ready_word(place),
        blocked_by=[] if enrolled is None else enrolled.examiner.blocked_by(place),
        attention=state.attention.pacing,
        attention_s=_left(state.attention.until, now),
        attention_detail=state.attention.reason,
        blind=state.attention.blind,
        blind_s=_left(state.attention.blind_until, now),
        failing=told(state.failing, now),
    )


def _left(until: Seconds | None, now: Seconds) -> float | None:
    return None if until is None else round(max(0.0, until - now), 1)


def _age(at: Seconds | None, now: Seconds) -> float | None:
    return None if at is None else round(now - at, 3)


def _first_fault(source: TelemetrySource) -> str:
    for uri, fault in source.faults.items():
        return f"{type(fault).__name__}: {fault.detail or fault.verb} ({uri})"
    return ""
