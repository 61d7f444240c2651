"""A played rack's building: heard, asked for both isolations, and one of them confirmed."""

import msgspec

from rack_controller.model.building_view import (
    BuildingGlance,
    BuildingLinkView,
    BuildingPointView,
    BuildingState,
    Isolation,
    IsolationView,
    RefusedView,
)

TOPIC = "BMS/v1/PUB/Value/Rack/RackLeakDetect/K01"


def asked_building(rack: str, *, overdue: bool = False, silent: str = "") -> BuildingState:
    """Return a building that confirmed the electrical isolation and not the liquid one."""
    link = BuildingLinkView("127.0.0.1:1883", "RACKWRIGHT", True, 60.0, "", 1, 9, 9, 0, 0, 40, 3, 0)
    left = -4.0 if overdue else 12.0
    return BuildingState(
        rack,
        agreed=True,
        armed=True,
        identity="K01",
        link=link,
        heartbeat_age_s=4.0,
        echo_age_s=5.0,
        silent=silent,
        leak=None,
        isolation=[
            IsolationView("electrical", Isolation.CONFIRMED, "set", 18.0, 17.9, 14.0),
            IsolationView("liquid", Isolation.REQUESTED, "clear", 18.0, 17.9, None, left, overdue),
        ],
        points=[
            point("RackLiquidFlow", "flow", 82.5, "L/min"),
            point("RackLeakDetect", "leak", 1.0, state="unknown", quality="flagged", why="quality: 0, 1 is good"),
            point("RackLeakDetectTray", "", 1.0, state="set"),
        ],
        refused=[RefusedView(TOPIC, "quality: 0, 1 is good", 3, 4.0)],
    )


def point(
    name: str, leaf: str, value: float, unit: str = "", state: str = "", quality: str = "good", why: str = ""
) -> BuildingPointView:
    """Return a point; without a leaf one that we say."""
    place = f"lab1/a/r01/k01/building/{leaf}" if leaf else ""
    by = "building" if leaf else "us"
    return BuildingPointView(name, by, place, TOPIC, value, unit, state, quality, why, 4.0, None)


def glance_at(state: BuildingState) -> BuildingGlance:
    """Return it in short, as a controller tells it."""
    by_kind = {one.kind: one for one in state.isolation}
    said = [p for p in state.points if p.said_by == "building"]
    return BuildingGlance(
        True,
        state.silent,
        state.leak,
        by_kind["liquid"].state,
        by_kind["electrical"].state,
        any(one.overdue for one in state.isolation),
        len(said),
        sum(p.quality != "good" for p in said),
        3,
    )


def quiet_building(rack: str) -> BuildingState:
    """Return a building that was asked for nothing."""
    none = [IsolationView(kind, Isolation.NONE, "clear") for kind in ("electrical", "liquid")]
    return msgspec.structs.replace(asked_building(rack), isolation=none, refused=[])
