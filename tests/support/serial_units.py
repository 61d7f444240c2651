"""What a running product says of the serial units of a rack."""

from typing import Any

from support.product import Product


def units(product: Product, rack: str) -> dict[str, str]:
    """Return the management of every serial unit of a rack, by its place below the rack."""
    rows = product.get(f"/api/v1/racks/{rack}/endpoints")
    return {u["place"].split("/", 4)[4]: u["management"] for row in rows for u in row["units"]}


def well(product: Product, rack: str) -> bool:
    summary = product.get(f"/api/v1/racks/{rack}")
    reachable = summary["endpoints_reachable"] == summary["endpoints_total"]
    return reachable and set(units(product, rack).values()) == {"reachable"} and not summary["leaks"]


def reading(product: Product, rack: str, place: str, quantity: str) -> Any:
    rows = product.get(f"/api/v1/racks/{rack}/readings", place=place, quantity=quantity)
    return next((r["value"] for r in rows if r["place"].endswith("/" + place)), None)
