"""Power, cooling and environment of a rack or tray: their subsystems, metrics, fans and leak detectors."""

from datacenter_api.fleet.trays import LeakPoint
from datacenter_api.fleet.usable import usable_of
from datacenter_api.redfish.limits import limit_of
from datacenter_api.redfish.made_of import reports_of
from datacenter_api.redfish.plates import DETECTOR, plate
from datacenter_api.redfish.rack_power import power_of_rack
from datacenter_api.redfish.sensors import excerpt, sensor_uri
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, told
from datacenter_api.redfish.status import HEALTH, UNSEEN, part_status, tray_status
from datacenter_api.redfish.world import RackLook, TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.quantities import Quantity

Q = Quantity
_DETECTOR = {"dry": "OK", "warning": "Warning", "critical": "Critical"}


def build_power(world: World, uri: str, chassis: str) -> Body | None:
    """Return what a chassis gives or may draw: what a rack may use, a shelf's output, a tray's rating (W)."""
    rack = world.rack(chassis)
    if rack is not None:
        capacity, _ = usable_of(rack.record, rack.layout)
        status = _of_kinds(rack, TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF)
        return resource("PowerSubsystem", uri, f"Power of rack {rack.id}", CapacityWatts=capacity, Status=status)
    tray = world.tray(chassis)
    if tray is None:
        return None
    plan = tray.plan
    shelf = plan.kind in (TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF)
    return resource(
        "PowerSubsystem",
        uri,
        f"Power of {tray.id}",
        **told(CapacityWatts=plan.output_max_w if shelf else plan.power_max_w),
        Status=tray_status(tray),
        **({"PowerSupplies": ref(f"{uri}/PowerSupplies")} if tray.planned("psu") else {}),
        **({"Batteries": ref(f"{uri}/Batteries")} if tray.planned("bbu") else {}),
    )


def build_thermal(world: World, uri: str, chassis: str) -> Body | None:
    """Return a chassis' cooling: fans it has, leak detectors it has."""
    rack = world.rack(chassis)
    if rack is not None:
        status = _of_kinds(rack, TrayKind.COOLANT_UNIT)
        return resource("ThermalSubsystem", uri, f"Cooling of rack {rack.id}", Status=status)
    tray = world.tray(chassis)
    if tray is None:
        return None
    return resource(
        "ThermalSubsystem",
        uri,
        f"Cooling of {tray.id}",
        Status=tray_status(tray),
        **({"ThermalMetrics": ref(f"{uri}/ThermalMetrics")} if _temperatures(tray) else {}),
        **({"Fans": ref(f"{uri}/Fans")} if _fans(tray) else {}),
        **({"LeakDetection": ref(f"{uri}/LeakDetection")} if _leaks(tray) else {}),
    )


def build_thermal_metrics(world: World, uri: str, chassis: str) -> Body | None:
    """Return every temperature of a tray in one document."""
    tray = world.tray(chassis)
    if tray is None or not _temperatures(tray):
        return None
    inside = excerpt(tray, "", Q.TEMPERATURE)
    quoted = [
        {**(excerpt(tray, p, Q.TEMPERATURE) or {}), "DeviceName": tray.label(p) or p} for p in _temperatures(tray)
    ]
    return resource(
        "ThermalMetrics",
        uri,
        f"Temperatures of {tray.id}",
        **told(TemperatureSummaryCelsius=None if inside is None else {"Internal": inside}),
        TemperatureReadingsCelsius=quoted,
        **{"TemperatureReadingsCelsius@odata.count": len(quoted)},
    )


def build_environment(world: World, uri: str, chassis: str) -> Body | None:
    """Return power and temperature of a whole rack or tray."""
    rack = world.rack(chassis)
    if rack is not None:
        return resource(
            "EnvironmentMetrics",
            uri,
            f"Environment of rack {rack.id}",
            PowerWatts=power_of_rack(rack),
        )
    tray = world.tray(chassis)
    return None if tray is None else environment_of(world, tray, uri, "", f"Environment of {tray.id}")


def environment_of(world: World, tray: TrayLook, uri: str, part: str, name: str) -> Body:
    """Return the EnvironmentMetrics of a part (empty: of the tray): whichever of them the rack reads."""
    return resource(
        "EnvironmentMetrics",
        uri,
        name,
        **told(
            PowerWatts=excerpt(tray, part, Q.POWER),
            TemperatureCelsius=excerpt(tray, part, Q.TEMPERATURE),
            EnergyJoules=excerpt(tray, part, Q.ENERGY),
            PowerLimitWatts=limit_of(world, tray, part),
        ),
    )


def build_fans(world: World, uri: str, chassis: str) -> Body | None:
    """Return the fans of a tray that are not part of a supply or a battery."""
    tray = world.tray(chassis)
    if tray is None or not _fans(tray):
        return None
    return collection("Fan", uri, f"Fans of {tray.id}", _fans(tray))


def build_fan(world: World, uri: str, chassis: str, fan: str) -> Body | None:
    """Return one fan; its speed in RPM, because nobody says the share of its maximum."""
    tray = world.tray(chassis)
    if tray is None or fan not in _fans(tray):
        return None
    speed = tray.value(fan, Q.FAN_SPEED)
    return resource(
        "Fan",
        uri,
        tray.label(fan),
        Status=part_status(tray, fan),
        Location={"PartLocation": {"ServiceLabel": tray.label(fan)}},
        SpeedPercent={"DataSourceUri": sensor_uri(tray, fan, Q.FAN_SPEED), "SpeedRPM": speed},
    )


def build_leak_detection(world: World, uri: str, chassis: str) -> Body | None:
    """Return the leak detection of a tray, with each detector's state."""
    tray = world.tray(chassis)
    if tray is None or not _leaks(tray):
        return None
    return leak_detection(tray, uri)


def leak_detection(tray: TrayLook, uri: str) -> Body:
    """Return the LeakDetection of a tray at a URI of its own; its detectors are below its Chassis."""
    points = _leaks(tray)
    status = _leak_status([p.state for p in points])
    group = {
        "GroupName": f"Detectors of {tray.id}",
        "Status": status,
        "Detectors": [
            {
                "DataSourceUri": f"{ROOT}/Chassis/{tray.id}/LeakDetectors/{_leaf(p)}",
                "DeviceName": p.label or _leaf(p),
                "DetectorState": _DETECTOR.get(p.state, "Unavailable"),
            }
            for p in points
        ],
        "Detectors@odata.count": len(points),
    }
    return resource("LeakDetection", uri, f"Leak detection of {tray.id}", Status=status, LeakDetectorGroups=[group])


def build_leak_detectors(world: World, uri: str, chassis: str) -> Body | None:
    """Return the leak detectors of a tray."""
    tray = world.tray(chassis)
    if tray is None or not _leaks(tray):
        return None
    return collection("LeakDetector", uri, f"Leak detectors of {tray.id}", [_leaf(p) for p in _leaks(tray)])


def build_leak_detector(world: World, uri: str, chassis: str, detector: str) -> Body | None:
    """Return one leak detector of a chassis."""
    tray = world.tray(chassis)
    return None if tray is None else leak_detector(world, tray, uri, detector)


def leak_detector(world: World, tray: TrayLook, uri: str, detector: str) -> Body | None:
    """Return one leak detector.  One that is not good now is unavailable, never dry."""
    point = next((p for p in _leaks(tray) if _leaf(p) == detector), None)
    if point is None:
        return None
    state = _DETECTOR.get(point.state, "Unavailable")
    return resource(
        "LeakDetector",
        uri,
        point.label or detector,
        DetectorState=state,
        **_of_detector(world, tray, point.label or detector),
        Status=_leak_status([point.state]),
        Location={"PartLocation": {"ServiceLabel": point.label or detector}},
    )


def _of_detector(world: World, tray: TrayLook, label: str) -> Body:
    """Return what kind of detector it is, where its endpoint says so of the only one of this name."""
    found = [d for r in reports_of(world.stock, tray) for d in r.leak_detectors if d.id == label]
    return plate(found[0].facts, DETECTOR) if len(found) == 1 else {}


def chassis_links(tray: TrayLook) -> Body:
    """Return the link to the chassis that equipment is in."""
    return refs("Chassis", [f"{ROOT}/Chassis/{tray.id}"])


def _temperatures(tray: TrayLook) -> list[str]:
    return sorted(part for part in tray.parts if part and tray.line(part, Q.TEMPERATURE) is not None)


def _of_kinds(rack: RackLook, *kinds: TrayKind) -> Body:
    """Return how a rack's trays of some kinds stand together: the worst health that is known of them."""
    order = list(HEALTH)
    states = [rack.states[t.plan.place].alarm for t in rack.trays.values() if t.plan.kind in kinds]
    known = [word for word in states if word in order]
    worst = HEALTH[max(known, key=order.index)] if known else None
    if worst == "OK" and len(known) < len(states):
        worst = None  # one that nobody sees may be worse
    return told(State="Enabled" if rack.summary.live else UNSEEN, Health=worst)


def _leaks(tray: TrayLook) -> list[LeakPoint]:
    below = f"{tray.plan.place}/"
    return [point for point in tray.rack.leaks if point.place.startswith(below)]


def _leaf(point: LeakPoint) -> str:
    return point.place.rsplit("/", 1)[1]


def _leak_status(states: list[str]) -> Body:
    known = [s for s in states if s in _DETECTOR]
    if not known:
        return {"State": UNSEEN}
    worst = max(known, key=list(_DETECTOR).index)
    if worst == "dry" and len(known) < len(states):
        return {"State": "Enabled"}  # one that nobody can read may be wet: no health is known of them together
    return {"State": "Enabled", "Health": HEALTH[{"dry": "ok"}.get(worst, worst)]}


def _fans(tray: TrayLook) -> list[str]:
    planned = (*tray.planned("psu"), *tray.planned("bbu"))
    return sorted(
        part
        for part in tray.parts
        if part and not part.startswith(planned) and tray.line(part, Q.FAN_SPEED) is not None
    )
