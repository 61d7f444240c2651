"""NVLink domains as Fabrics with their switches; a domain that spans racks is one Fabric."""

from datacenter_api.redfish.made_of import facts_of_part, item_of
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, told
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.status import part_status, power_state, tray_status
from datacenter_api.redfish.subsystems import environment_of
from datacenter_api.redfish.switch_ports import port_body, ports_body, ports_of
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from rack_controller.decide.domain import Verdict

FABRICS = f"{ROOT}/Fabrics"
SWITCH_PART = "nvswitch"
_HEALTH = {Verdict.HEALTHY: "OK", Verdict.DEGRADED: "Warning"}


def build_all(world: World, uri: str) -> Body:
    """Return every NVLink domain."""
    return collection("Fabric", uri, "NVLink domains", sorted(_domains(world)))


def build_one(world: World, uri: str, fabric: str) -> Body | None:
    """Return one domain."""
    trays = _domains(world).get(fabric)
    if trays is None:
        return None
    racks = sorted({tray.rack.id for tray in trays})
    return resource(
        "Fabric",
        uri,
        f"NVLink domain {fabric}",
        Description=f"NVLink domain over {', '.join(racks)}",
        FabricType="NVLink",
        Status=_status(world, fabric),
        Switches=ref(f"{uri}/Switches"),
        Links=refs("ManagedBy", [f"{ROOT}/Managers/rackwright"]),
    )


def _status(world: World, fabric: str) -> Body:
    """Return how the domain is from both ends of its links; where not all of it is seen, no health is told."""
    domain = next((d for d in world.domains() if d.id == fabric), None)
    return told(State="Enabled", Health=_HEALTH.get(domain.health.verdict) if domain is not None else None)


def build_switches(world: World, uri: str, fabric: str) -> Body | None:
    """Return the switches of a domain."""
    trays = _domains(world).get(fabric)
    if trays is None:
        return None
    return collection("Switch", uri, f"Switches of {fabric}", _switches(trays))


def build_switch(world: World, uri: str, fabric: str, switch: str) -> Body | None:
    """Return one switch chip; it shares power state and management with its tray."""
    found = _find(world, fabric, switch)
    if found is None:
        return None
    tray, part = found
    item = item_of(world.stock, tray, part)
    own = tray.parts.get(part)
    return resource(
        "Switch",
        uri,
        f"{tray.rack.id} {tray.slot} {part}",
        SwitchType="NVLink",
        SupportedProtocols=["NVLink"],
        PowerState=power_state(tray.state.state),
        **shown("Switch", facts_of_part(world.stock, tray, part)),
        **told(
            SerialNumber=item.serial_number if item else None,
            PartNumber=item.part_number if item else None,
            FirmwareVersion=item.firmware if item else None,
        ),
        Status=part_status(tray, part) if own else told(State=tray_status(tray)["State"]),
        **({"EnvironmentMetrics": ref(f"{uri}/EnvironmentMetrics")} if own else {}),
        **({"Ports": ref(f"{uri}/Ports")} if ports_of(tray, part) else {}),
        Links={
            "Chassis": ref(f"{ROOT}/Chassis/{tray.id}"),
            **refs("ManagedBy", [f"{ROOT}/Managers/{tray.manager_id(e)}" for e in tray.plan.endpoints]),
        },
    )


def build_ports(world: World, uri: str, fabric: str, switch: str) -> Body | None:
    """Return the NVLink ports of a switch chip."""
    found = _find(world, fabric, switch)
    return None if found is None else ports_body(*found, uri)


def build_port(world: World, uri: str, fabric: str, switch: str, _port: str) -> Body | None:
    """Return one NVLink port of a switch chip."""
    found = _find(world, fabric, switch)
    return None if found is None else port_body(world, *found, uri)


def build_switch_environment(world: World, uri: str, fabric: str, switch: str) -> Body | None:
    """Return power and temperature of a switch chip, where they are read."""
    found = _find(world, fabric, switch)
    if found is None or not found[0].parts.get(found[1]):
        return None
    return environment_of(world, found[0], uri, found[1], f"Environment of {switch}")


def _domains(world: World) -> dict[str, list[TrayLook]]:
    """Return the trays of each domain by its id; one that spans racks has the same id in each."""
    found: dict[str, list[TrayLook]] = {}
    for rack in world.racks():
        for domain in rack.layout.domains:
            trays = [t for t in rack.trays.values() if t.plan.domain == domain.name]
            found.setdefault(domain.id or f"{rack.id}.{domain.name}", []).extend(trays)
    return found


def _switches(trays: list[TrayLook]) -> list[str]:
    switches = (t for t in trays if t.plan.kind == TrayKind.SWITCH)
    return [f"{t.id}-{part}" for t in switches for part in t.planned(SWITCH_PART)]


def _find(world: World, fabric: str, switch: str) -> tuple[TrayLook, str] | None:
    trays = _domains(world).get(fabric)
    if trays is None or switch not in _switches(trays):
        return None
    tray_id, _, part = switch.rpartition("-")
    return next(((t, part) for t in trays if t.id == tray_id), None)
