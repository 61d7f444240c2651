"""What is told of one rack's building: whole for its page, in short for every banner.  Reads only."""

from firmware_bridge.vocabulary.building import Meaning, Speaker
from firmware_bridge.vocabulary.quantities import SPECS, name_of
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.building import TopicKind, write_topic
from rack_controller.decide.building import KINDS, STATUS, WANTED, Judged, all_set, any_set, isolation_of, judge_point
from rack_controller.model.building_view import (
    BuildingGlance,
    BuildingPointView,
    BuildingState,
    Isolation,
    IsolationView,
)
from rack_controller.model.interlock import REQUESTS, Act
from rack_controller.run.building.rack_building import Line, RackBuilding

_SIGNS = {True: "set", False: "clear", None: "unknown"}


def state_of(building: RackBuilding, confirm_s: float | None, now: Seconds) -> BuildingState:
    """Return everything.  `confirm_s`: how long a confirmation may take, None where no row asks for it in time."""
    ground = building.ground
    return BuildingState(
        building.rack,
        agreed=True,
        armed=building.armed(),
        identity=building.identity,
        link=ground.link_view(now),
        heartbeat_age_s=None if ground.heartbeat is None else round(now - ground.heartbeat.at, 1),
        echo_age_s=None if ground.echo is None else round(now - ground.echo.at, 1),
        silent=ground.silent(now),
        sensor_fault=building.sensor_fault(now),
        leak=any_set(building.judged(Meaning.LEAK, now)),
        isolation=[isolation_view(building, act, confirm_s, now) for act in REQUESTS],
        points=[*(_heard_view(building, line, now) for line in building.lines.values()), *_said_views(building, now)],
        refused=ground.refusals.of(building.identity, now),
    )


def glance_of(building: RackBuilding, confirm_s: float | None, now: Seconds) -> BuildingGlance:
    """Return it in short."""
    ground = building.ground
    views = {act: isolation_view(building, act, confirm_s, now) for act in REQUESTS}
    judged = [judge_point(line.heard, now, ground.contract) for line in building.lines.values()]
    return BuildingGlance(
        ground.link.connected,
        "no heartbeat of the building" if ground.silent(now) else "",
        any_set(building.judged(Meaning.LEAK, now)),
        views[Act.REQUEST_LIQUID_ISOLATION].state,
        views[Act.REQUEST_ELECTRICAL_ISOLATION].state,
        any(view.overdue for view in views.values()),
        len(judged),
        sum(j.quality is not Quality.GOOD for j in judged),
        ground.refusals.total,
    )


def isolation_view(building: RackBuilding, act: Act, confirm_s: float | None, now: Seconds) -> IsolationView:
    """Return how one kind of isolation stands."""
    request, confirmed = building.requests[act], all_set(building.judged(STATUS[act], now))
    state = isolation_of(request, confirmed)
    open_ = state in (Isolation.ASKED, Isolation.REQUESTED)
    left = None if not open_ or confirm_s is None or request.since is None else confirm_s - (now - request.since)
    return IsolationView(
        KINDS[act],
        state,
        _SIGNS[confirmed],
        _since(request.since, now),
        _since(request.taken_at, now),
        _since(request.confirmed_at, now) if state is Isolation.CONFIRMED else None,
        None if left is None else round(left, 1),
        left is not None and left <= 0,
        building.why_no_topic(WANTED[act]),
        list(building.topics(WANTED[act])),
    )


def _heard_view(building: RackBuilding, line: Line, now: Seconds) -> BuildingPointView:
    judged = judge_point(line.heard, now, building.ground.contract)
    point, contract = line.topic.point, building.ground.contract
    assert point.quantity is not None
    unit = SPECS[point.quantity].unit
    return BuildingPointView(
        point.name,
        Speaker.BUILDING,
        line.place,
        write_topic(contract, contract.publisher, TopicKind.VALUE, point, line.topic.tag),
        judged.value,
        "" if unit == "code" else unit,
        name_of(point.quantity, judged.known) if unit == "code" else "",
        judged.quality.name.lower(),
        judged.why,
        _age(judged),
        None if line.heard is None else line.heard.told_ms,
    )


def _said_views(building: RackBuilding, now: Seconds) -> list[BuildingPointView]:
    found = []
    for point in building.ground.contract.points.values():
        if point.by is not Speaker.US or point.means is None or point.means not in _OURS:
            continue
        spoken, why = building.spoken.get(point.means), building.why_no_topic(point.means)
        for topic in building.topics(point.means) or ("",):
            good = "missing" if spoken is None else "good" if spoken.good else "flagged"
            value = None if spoken is None else spoken.value
            doubt = why or ("" if good != "flagged" else "not every tray's leak detectors are known to be dry")
            age = None if spoken is None else round(now - spoken.at, 1)
            state = "" if value is None else _SIGNS[value > 0]
            found.append(BuildingPointView(point.name, Speaker.US, "", topic, value, "", state, good, doubt, age, None))
    return found


_OURS = (Meaning.TRAY_LEAKS, Meaning.LIQUID_WANTED, Meaning.ELECTRICAL_WANTED)


def _since(at: Seconds | None, now: Seconds) -> float | None:
    return None if at is None else round(now - at, 1)


def _age(judged: Judged) -> float | None:
    return None if judged.age is None else round(judged.age, 1)
