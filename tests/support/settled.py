"""When a hall has been read whole: what its endpoints are made of, their readings, and what the Redfish service shows.

A validator that begins before that sees resources come, and asks for facts that nobody has read yet.
"""

from typing import Any

from firmware_bridge.vocabulary.place import slug
from support.product import Product, eventually

R = "/redfish/v1"
WITHIN = 180.0


def settle(product: Product) -> None:
    """Wait until every endpoint that is asked was read whole, every reading is on time and Redfish shows all of it."""
    racks = [row["name"] for row in product.get("/api/v1/racks")]
    reports = [report for rack in racks for report in _reports(product, rack)]
    for rack in racks:
        product.wait_until_on_time(rack)
    wanted = {_firmware_id(report, item) for report in reports for item in report["firmware"]}
    assert wanted, "no endpoint lists any firmware"
    eventually(lambda: wanted <= _shown(product), within=WITHIN, every=1.0)
    eventually(lambda: all(_allowances(product, rack) for rack in racks), within=WITHIN, every=1.0)


def _reports(product: Product, rack: str) -> list[dict[str, Any]]:
    places = [row["place"] for row in product.get(f"/api/v1/racks/{rack}/endpoints") if row["enabled"]]
    return [eventually(lambda place=place: _report(product, place), within=WITHIN, every=1.0) for place in places]


def _report(product: Product, place: str) -> dict[str, Any] | None:
    """Return what an endpoint is made of, None while it has not been read, or a part of it could not be."""
    try:
        report: dict[str, Any] = product.get("/api/v1/endpoints/report", place=place)
    except AssertionError:  # it is being read for the first time
        return None
    return None if report["endpoint"].get("seen") == "part" else report


def _firmware_id(report: dict[str, Any], item: dict[str, Any]) -> str:
    rack, slot = report["endpoint"]["place"].split("/")[-3:-1]
    return f"{rack}-{slot}.{slug(item['id'])}"


def _shown(product: Product) -> set[str]:
    members = product.get(f"{R}/UpdateService/FirmwareInventory")["Members"]
    return {m["@odata.id"].rsplit("/", 1)[1] for m in members}


def _allowances(product: Product, rack: str) -> bool:
    """Tell whether a rack's limits are shown with what their devices allow."""
    layout = product.get(f"/api/v1/racks/{rack}/layout")
    slot = next(t["place"].rsplit("/", 1)[1] for t in layout["trays"] if t["kind"] == "compute")
    return "AllowableMax" in product.get(f"{R}/Chassis/{rack}-{slot}/Controls/gpu0.power_limit")
