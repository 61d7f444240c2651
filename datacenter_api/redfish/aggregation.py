"""Racks as the sources of this service: each rack's controller brings in what stands in it."""

from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource
from datacenter_api.redfish.status import UNSEEN
from datacenter_api.redfish.world import World


def build_service(_world: World, uri: str) -> Body:
    """Return the AggregationService."""
    return resource(
        "AggregationService",
        uri,
        "Racks behind this service",
        ServiceEnabled=True,
        Status={"State": "Enabled", "Health": "OK"},
        Aggregates=ref(f"{uri}/Aggregates"),
        AggregationSources=ref(f"{uri}/AggregationSources"),
    )


def build_sources(world: World, uri: str) -> Body:
    """Return every rack as a source."""
    return collection("AggregationSource", uri, "Racks", [rack.id for rack in world.racks()])


def build_source(world: World, uri: str, rack_id: str) -> Body | None:
    """Return one rack as a source.  Its address is the bus, which is nobody's business here: HostName is null."""
    rack = world.rack(rack_id)
    if rack is None:
        return None
    live = rack.summary.live
    return resource(
        "AggregationSource",
        uri,
        f"Rack {rack.id}",
        Description=rack.layout.title,
        AggregationType="Full",
        HostName=None,
        Status={"State": "Enabled", "Health": "OK"} if live else {"State": UNSEEN},
        Links=refs("ResourcesAccessed", [f"{ROOT}/Chassis/{rack.id}"]),
    )
