"""Component integrity (SPDM and the like) that endpoints offer, and the boards of a tray.  Measures nothing."""

from datacenter_api.redfish.made_of import enclosure_of, reports_of
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.stock import StockAspect
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.facts import AspectKind
from firmware_bridge.vocabulary.place import slug

_NEEDED = frozenset({"ComponentIntegrityType", "ComponentIntegrityTypeVersion"})


def build_all(world: World, uri: str) -> Body:
    """Return every component of any tray that can prove itself."""
    ids: list[str] = []
    for tray in world.trays():
        world.stock.want(tray.rack.record)
        ids += sorted(_components(world, tray))
    return collection("ComponentIntegrity", uri, "Components that can prove themselves", ids)


def build_one(world: World, uri: str, component: str) -> Body | None:
    """Return one component.  It stands in a tray, which is the nearest resource of ours that it belongs to."""
    cut = component.find(".")
    tray = world.tray(component[:cut]) if cut > 0 else None
    found = _components(world, tray).get(component) if tray is not None else None
    if tray is None or found is None:
        return None
    chassis = f"{ROOT}/Chassis/{tray.id}"
    return resource(
        "ComponentIntegrity",
        uri,
        f"{tray.rack.id} {tray.slot} {found.id}",
        **shown("ComponentIntegrity", found.facts),
        TargetComponentURI=chassis,
        Links=refs("ComponentsProtected", [chassis]),
    )


def boards_of(world: World, tray: TrayLook) -> list[StockAspect]:
    """Return the boards that a tray's enclosure lists, in its own order."""
    whole = enclosure_of(world.stock, tray)
    if whole is None:
        return []
    return [a for r in reports_of(world.stock, tray) for a in r.aspects_of(AspectKind.BOARD, f"Chassis/{whole.id}")]


def build_assembly(world: World, uri: str, chassis: str) -> Body | None:
    """Return the boards of a tray."""
    tray = world.tray(chassis)
    boards = boards_of(world, tray) if tray is not None else []
    if not boards:
        return None
    rows = [
        {"@odata.id": f"{uri}#/Assemblies/{n}", "MemberId": str(n), **shown("Board", board.facts)}
        for n, board in enumerate(boards)
    ]
    return resource("Assembly", uri, f"Boards of {chassis}", Assemblies=rows, **{"Assemblies@odata.count": len(rows)})


def assembly_link(world: World, tray: TrayLook) -> Body:
    """Return the link to a tray's boards, nothing where none are listed."""
    return {"Assembly": ref(f"{ROOT}/Chassis/{tray.id}/Assembly")} if boards_of(world, tray) else {}


def _components(world: World, tray: TrayLook) -> dict[str, StockAspect]:
    found = (a for r in reports_of(world.stock, tray) for a in r.aspects_of(AspectKind.INTEGRITY))
    return {f"{tray.id}.{slug(a.id)}": a for a in found if set(shown("ComponentIntegrity", a.facts)) >= _NEEDED}
