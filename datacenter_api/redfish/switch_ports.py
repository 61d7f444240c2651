"""NVLink ports of switch chips: the link as it is read now, the speed of the last look at the tray's own system."""

from datacenter_api.redfish.made_of import stocked
from datacenter_api.redfish.shapes import Body, collection, resource
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.status import UNSEEN
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.inventory import ItemKind
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.layout import NvlinkView

_LINKS = {"up": "LinkUp", "down": "LinkDown"}


def ports_of(tray: TrayLook, chip: str) -> list[str]:
    """Return the ports of one chip (`nvswitch1`) that the tray reads, by number; none where the wiring is not told.

    A tray's ports count chip after chip (vocabulary's NvlinkPlan).
    """
    plan = next((d.nvlink for d in tray.rack.layout.domains if d.name == tray.plan.domain), None)
    if plan is None:
        return []
    number = int(chip.lstrip("abcdefghijklmnopqrstuvwxyz_") or 0)
    read = (part for part in tray.parts if tray.line(part, Quantity.LINK) is not None)
    mine = {n: part for part in read if (n := _number(plan, part)) is not None and _chip(plan, n) == number}
    return [mine[n] for n in sorted(mine)]


def ports_body(tray: TrayLook, chip: str, uri: str) -> Body | None:
    """Return the ports of a chip."""
    found = ports_of(tray, chip)
    return collection("Port", uri, f"Ports of {uri.split('/')[-2]}", found) if found else None


def port_body(world: World, tray: TrayLook, chip: str, uri: str) -> Body | None:
    """Return one port."""
    port = uri.rsplit("/", 1)[1]
    if port not in ports_of(tray, chip):
        return None
    link = _LINKS.get(tray.word(port, Quantity.LINK) or "")
    known = stocked(world.stock, tray, ItemKind.PORT).get(port)
    status = {"State": UNSEEN} if link is None else {"State": "Enabled", "Health": "OK"}
    if link == "LinkDown":
        status["Health"] = "Warning"
    return resource(
        "Port",
        uri,
        f"{tray.slot} {port}",
        PortProtocol="NVLink",
        PortType="BidirectionalPort",
        LinkStatus=link,
        Status=status,
        **shown("Port", known.item.facts if known is not None and link == "LinkUp" else {}),
    )


def _number(plan: NvlinkView, part: str) -> int | None:
    digits = part.removeprefix(plan.port)
    return int(digits) - plan.first_port if digits != part and digits.isdecimal() else None


def _chip(plan: NvlinkView, number: int) -> int:
    return number // max(1, plan.ports_per_tray // max(1, plan.chips_per_tray))
