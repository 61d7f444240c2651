"""A shelf's circuits: the feeds that reach it are its Mains, its way to the busbar is its only Branch.

Values are the shelf's own readings.  What a feed carries is known only where the shelf has no other one.
"""

from datacenter_api.redfish.sensors import excerpt
from datacenter_api.redfish.shapes import Body, collection, resource, told
from datacenter_api.redfish.status import power_state, tray_status
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.layout import FeedView

Q = Quantity
SHELVES = (TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF)
BUSBAR = "busbar"

# Nominal voltages (V) that Redfish has a word for.
NOMINAL_AC: dict[float, str] = {
    120.0: "AC120V",
    208.0: "AC208V",
    230.0: "AC230V",
    240.0: "AC240V",
    277.0: "AC277V",
    400.0: "AC400V",
    480.0: "AC480V",
}
NOMINAL_DC: dict[float, str] = {
    12.0: "DC12V",
    48.0: "DC48V",
    240.0: "DC240V",
    380.0: "DC380V",
    400.0: "DC400V",
    800.0: "DC800V",
}


def circuit_links(tray: TrayLook, uri: str) -> Body:
    """Return the links from a shelf to its circuits."""
    mains = {"Mains": {"@odata.id": f"{uri}/Mains"}} if tray.plan.feeds else {}
    return {**mains, "Branches": {"@odata.id": f"{uri}/Branches"}}


def build_mains(world: World, uri: str, shelf: str) -> Body | None:
    """Return the feeds of a shelf; one that has none has no mains."""
    tray = world.tray(shelf, *SHELVES)
    if tray is None or not tray.plan.feeds:
        return None
    return collection("Circuit", uri, f"Feeds of {shelf}", tray.plan.feeds)


def build_feed(world: World, uri: str, shelf: str, name: str) -> Body | None:
    """Return one feed of a shelf."""
    tray = world.tray(shelf, *SHELVES)
    if tray is None or name not in tray.plan.feeds:
        return None
    feed = next((f for f in tray.rack.layout.feed_plans if f.name == name), None)
    return resource(
        "Circuit",
        uri,
        f"Feed {name} of {tray.id}",
        CircuitType="Mains",
        VoltageType="AC",
        ElectricalContext="Total",
        ElectricalSourceName=name,
        **told(NominalVoltage=_nominal(feed)),
        **told(PowerWatts=excerpt(tray, "", Q.POWER_INPUT) if len(tray.plan.feeds) == 1 else None),
    )


def build_branches(world: World, uri: str, shelf: str) -> Body | None:
    """Return the one way of a shelf to the busbar."""
    tray = world.tray(shelf, *SHELVES)
    return None if tray is None else collection("Circuit", uri, f"Outputs of {shelf}", [BUSBAR])


def build_branch(world: World, uri: str, shelf: str, name: str) -> Body | None:
    """Return what a shelf puts on the busbar."""
    tray = world.tray(shelf, *SHELVES)
    if tray is None or name != BUSBAR:
        return None
    return resource(
        "Circuit",
        uri,
        f"Output of {tray.id} to the busbar",
        CircuitType="Branch",
        VoltageType="DC",
        ElectricalContext="Total",
        PowerState=power_state(tray.state.state),
        **told(
            NominalVoltage=NOMINAL_DC.get(tray.rack.layout.busbar_voltage_nominal_v or 0.0),
            PowerWatts=excerpt(tray, "", Q.POWER),
            Voltage=excerpt(tray, "", Q.VOLTAGE),
            CurrentAmps=excerpt(tray, "", Q.CURRENT),
        ),
        Status=tray_status(tray),
    )


def _nominal(feed: FeedView | None) -> str | None:
    return None if feed is None else NOMINAL_AC.get(feed.voltage_nominal_v)
