"""A misbehaving endpoint costs only itself."""

from typing import Any

import pytest
from support.product import Product, eventually

pytestmark = [pytest.mark.xdist_group("stories"), pytest.mark.timeout(150)]
VICTIM = "u14/bmc"

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"what": "hang"}, "EndpointUnreachable"),
    ({"what": "reset"}, "EndpointUnreachable"),
    ({"what": "half_body"}, "Endpoint|Reply"),
    ({"what": "nested"}, "Reply"),
    ({"what": "nan"}, "ReplyMalformed"),
    ({"what": "huge"}, "ReplyTooLarge"),
    ({"what": "redirect"}, "TrustRefused"),
    ({"what": "status", "status": 503}, "EndpointRefused"),
]


@pytest.mark.parametrize(("fault", "error"), FAULTS, ids=[f["what"] for f, _ in FAULTS])
def test_one_bad_endpoint_costs_only_itself(product: Product, fault: dict[str, Any], error: str) -> None:
    periods = product.get("/api/v1/racks/k01/layout")["periods_s"]
    product.control.set_faults([{"where": f"*/{VICTIM}", **fault}])
    try:

        def told() -> str | None:
            row = product.endpoints()[VICTIM]
            return row["error"] if row["management"] != "reachable" and row["error"] else None

        said = eventually(told, within=40)
        assert any(name in said for name in error.split("|")), said
        others = {name: e for name, e in product.endpoints().items() if name != VICTIM}
        assert {e["management"] for e in others.values()} == {"reachable"}
        late = [
            r
            for r in product.get("/api/v1/racks/k01/readings", limit=20_000)
            if "/u14" not in r["place"] and (r["age_s"] is None or r["age_s"] > 3 * periods[r["reading_class"]])
        ]
        assert late == []
    finally:
        product.control.clear_faults()
    eventually(lambda: product.endpoints()[VICTIM]["management"] == "reachable", within=40)


def test_a_leak_is_an_alarm_that_names_its_place(product: Product) -> None:
    product.control.set_faults([{"what": "leak", "where": "*/u15/leak1"}])
    try:
        leaks = eventually(lambda: product.get("/api/v1/racks/k01")["leaks"] or None, within=15)
        assert leaks[0]["place"].endswith("/u15/leak1")

        def told() -> bool:
            events = product.get("/api/v1/events", severity="critical")
            return any(e["kind"] == "leak.critical" and "/u15/" in e["place"] for e in events)

        eventually(told, within=10)
        assert "leak" in product.cli("event", "tail").stdout
    finally:
        product.control.clear_faults()
    eventually(lambda: not product.get("/api/v1/racks/k01")["leaks"], within=15)


def test_a_tray_that_is_off_is_off_and_still_managed(product: Product) -> None:
    product.control.set_faults([{"what": "tray_off", "where": "*/u16"}])
    try:
        eventually(lambda: product.endpoints()["u16/bmc"]["state"] == "off", within=20)
        assert product.endpoints()["u16/bmc"]["management"] == "reachable"
    finally:
        product.control.clear_faults()
    eventually(lambda: product.endpoints()["u16/bmc"]["state"] == "on", within=20)
