"""GPUs in-band under `rackwright up`: hosts speak for themselves, and what goes wrong with them is told."""

import os
import signal
from typing import Any

import pytest
from support.few_trays import GPUS
from support.product import Product, eventually

pytestmark = pytest.mark.timeout(400)


def told(product: Product, kind: str, where: str) -> dict[str, Any] | None:
    rows = product.get("/api/v1/events", limit=500)
    rows = rows["items"] if isinstance(rows, dict) else rows
    return next((e for e in rows if e["kind"] == kind and where in e["place"]), None)


def reading(product: Product, part: str, quantity: str) -> dict[str, Any]:
    rows = product.get("/api/v1/racks/k01/readings", quantity=quantity, limit=500)
    return next(r for r in rows if r["place"].endswith(part))


def test_driver_and_bmc_say_the_same_of_every_gpu(product: Product) -> None:
    inside = {
        r["place"]: r["value"] for r in product.get("/api/v1/racks/k01/readings", quantity="power_average", limit=500)
    }
    outside = {r["place"]: r["value"] for r in product.get("/api/v1/racks/k01/readings", quantity="power", limit=2000)}
    assert len(inside) == GPUS
    assert all(inside[place] is not None and place in outside for place in inside)
    assert "rack_gpu_power_average_watts" in product.get("/metrics")


def test_an_xid_is_an_event_with_what_to_do(product: Product) -> None:
    product.cli("emulate", "fault", "add", "xid", "*/u12/gpu1", "--state", str(product.state))
    event = eventually(lambda: told(product, "gpu.xid", "u12/gpu1"), 30, every=0.3)
    assert event["severity"] == "critical"
    assert "XID 79" in event["message"]
    assert "drain the node" in event["message"]
    shown = product.cli("event", "tail", "-n", "50").stdout.splitlines()
    assert any("XID 79" in line and "u12/gpu1" in line for line in shown)


def test_a_lost_gpu_is_unknown_and_a_missing_library_says_so(product: Product) -> None:
    product.control.set_faults(
        [{"what": "gpu_lost", "where": "*/u13/gpu2"}, {"what": "nvml_missing", "where": "*/u14"}]
    )
    assert eventually(lambda: told(product, "gpu_access.lost", "u13/gpu2"), 30, every=0.3)["severity"] == "critical"
    eventually(lambda: reading(product, "u13/gpu2", "power_average")["value"] is None, 30, every=0.3)
    assert reading(product, "u13/gpu2", "power")["value"] is not None, "the BMC still sees it"
    error = eventually(lambda: product.endpoints()["u14/host"]["error"] or None, 30, every=0.3)
    assert "library_not_found" in error
    product.control.clear_faults()
    eventually(lambda: reading(product, "u13/gpu2", "power_average")["value"] is not None, 60, every=0.3)


def test_silent_agents_are_absent_and_no_tray_is_off(product: Product) -> None:
    product.control.set_faults([{"what": "agent_silent", "where": "*/u15/host"}])
    eventually(lambda: product.endpoints()["u15/host"]["management"] == "absent", 60, every=0.5)
    rows = product.endpoints()
    assert rows["u15/bmc"]["management"] == "reachable"
    assert rows["u15/host"]["state"] != "off"
    assert "silent" in rows["u15/host"]["error"]
    product.control.clear_faults()
    os.kill(product.pids["agents"], signal.SIGKILL)  # the supervisor starts it again
    eventually(lambda: product.endpoints()["u15/host"]["management"] == "reachable", 60, every=0.5)
