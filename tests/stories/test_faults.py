"""A misbehaving endpoint costs only itself."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.few_trays import few
from support.product import Product, eventually

pytestmark = pytest.mark.timeout(300)
EXPIRED = "u18/bmc"
LATCHED = ("u12", "u13", "u14", "u15")

FAULTS: dict[str, dict[str, tuple[dict[str, Any], str]]] = {
    "silent": {
        "u12": ({"what": "hang"}, "EndpointUnreachable"),
        "u13": ({"what": "reset"}, "EndpointUnreachable"),
        "u14": ({"what": "half_body"}, "Endpoint|Reply"),
        "u15": ({"what": "status", "status": 503}, "EndpointRefused"),
    },
    "lying": {
        "u13": ({"what": "nested"}, "Reply"),
        "u14": ({"what": "nan"}, "ReplyMalformed"),
        "u15": ({"what": "huge"}, "ReplyTooLarge"),
        "u16": ({"what": "redirect"}, "TrustRefused"),
    },
}
"""What is planted at once, each in a tray of its own, and the error that its endpoint should be told with."""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A rack that begins with a fault, of which the first story tells."""
    folder = tmp_path_factory.mktemp("faults")
    planted = folder / "faults.yaml"
    planted.write_text(f"faults:\n  - {{what: expired_certificate, where: '*/{EXPIRED}'}}\n")
    running = few(folder / "state", "--faults", str(planted))
    running.start(wait=False)
    yield running
    running.stop()


@contextmanager
def faults(product: Product, *planted: dict[str, Any]) -> Iterator[None]:
    """Plant faults in a rack that is well, and leave it well."""
    product.wait_until_read_again()
    product.control.set_faults(list(planted))
    try:
        yield
    finally:
        product.control.clear_faults()
        eventually(lambda: {e["management"] for e in product.endpoints().values()} == {"reachable"}, within=60)


def test_an_expired_certificate_of_an_endpoint_is_named_on_that_endpoint(product: Product) -> None:
    def told() -> str | None:
        try:
            return product.endpoints()[EXPIRED]["error"] or None
        except (OSError, AssertionError, KeyError):
            return None

    assert "expired" in eventually(told, within=60)

    def others_reachable() -> bool:
        return {e["management"] for n, e in product.endpoints().items() if n != EXPIRED} == {"reachable"}

    eventually(others_reachable, within=20)
    product.control.clear_faults()
    eventually(lambda: product.endpoints()[EXPIRED]["management"] == "reachable", within=60)
    eventually(product.ready.exists, within=60)


@pytest.mark.parametrize("group", list(FAULTS))
def test_each_bad_endpoint_costs_only_itself(product: Product, group: str) -> None:
    victims = {f"{tray}/bmc": planted for tray, planted in FAULTS[group].items()}
    with faults(product, *({"where": f"*/{name}", **fault} for name, (fault, _) in victims.items())):

        def told() -> dict[str, str] | None:
            rows = {name: row for name, row in product.endpoints().items() if name in victims}
            said = {name: row["error"] for name, row in rows.items() if row["management"] != "reachable"}
            return said if all(said.get(name) for name in victims) else None

        said = eventually(told, within=40)
        expected = {name: error.split("|") for name, (_, error) in victims.items()}
        assert {n: e for n, e in said.items() if not any(word in e for word in expected[n])} == {}
        others = {name: e for name, e in product.endpoints().items() if name not in victims}
        assert {e["management"] for e in others.values()} == {"reachable"}
        product.wait_until_read_again(besides=tuple(f"/{tray}" for tray in FAULTS[group]))


def test_a_tray_that_is_off_is_off_and_still_managed(product: Product) -> None:
    with faults(product, {"what": "tray_off", "where": "*/u16"}):
        eventually(lambda: product.endpoints()["u16/bmc"]["state"] == "off", within=20)
        assert product.endpoints()["u16/bmc"]["management"] == "reachable"
    eventually(lambda: product.endpoints()["u16/bmc"]["state"] == "on", within=20)


def test_a_board_that_detaches_behind_a_healthy_bmc_is_told(product: Product) -> None:
    def board() -> tuple[str, str, str]:
        row = product.endpoints()["u17/bmc"]
        return row["management"], row["subtree"], row["subtree_state"]

    eventually(lambda: board() == ("reachable", "hmc", "present"), within=60)
    with faults(product, {"what": "hmc_absent", "where": "*/u17/bmc"}):
        eventually(lambda: board()[2] == "absent", within=20)
        row = product.endpoints()["u17/bmc"]
        assert row["subtree_missing"] == ["gpu0", "gpu1", "gpu2", "gpu3"]
        assert "404" in row["subtree_why"]

        def told() -> list[str]:
            events = product.get("/api/v1/events", severity="warning")
            return [e["place"] for e in events if e["kind"] == "subtree.absent" and "/u17/" in e["place"]]

        assert eventually(lambda: told() or None, within=20)[0].endswith("/u17/bmc")
        shown = next(t for t in product.get("/api/v1/racks/k01")["trays"] if t["name"] == "u17")
        assert (shown["alarm"], shown["state"]) == ("warning", "on")
        assert "hmc absent" in shown["why"]
        assert "hmc absent" in product.cli("endpoint", "list").stdout
    eventually(lambda: board()[2] == "present", within=60)


# The last ones on this product: what the interlock switches off stays off when the fault is gone.
def test_a_leak_is_an_alarm_that_names_its_place_and_switches_off(product: Product) -> None:
    product.control.set_faults([{"what": "leak", "where": "*/u15/leak1"}])
    leaks = eventually(lambda: product.get("/api/v1/racks/k01")["leaks"] or None, within=15)
    assert [leak["place"] for leak in leaks] == ["lab1/a/r01/k01/u15/leak1"]

    def told() -> bool:
        events = product.get("/api/v1/events", severity="critical")
        return any(e["kind"] == "leak.critical" and "/u15/" in e["place"] for e in events)

    eventually(told, within=10)
    assert "leak" in product.cli("event", "tail").stdout
    leak = eventually(lambda: alarms(product).get(("leak.critical", "u15")), within=10)
    assert (leak["state"], leak["priority"], leak["acts"]) == ("unacknowledged", 1, ["ack"])
    assert product.cli("alarm", "ack", leak["id"]).returncode == 0
    below = {"u12/bmc", "u13/bmc", "u14/bmc", "u15/bmc"}
    eventually(lambda: {n for n, e in product.endpoints().items() if e["state"] == "off"} >= below, within=20)
    product.control.clear_faults()
    eventually(lambda: not product.get("/api/v1/racks/k01")["leaks"], within=15)
    rows = product.endpoints()
    assert all(rows[name]["state"] == "off" for name in below), "a latch outlives its leak"
    assert (rows["u11/bmc"]["state"], rows["u16/bmc"]["state"]) == ("on", "on")
    assert alarms(product)["leak.critical", "u15"]["state"] == "acknowledged", "so does its alarm"
    assert "alarm.acknowledged" in [e["kind"] for e in product.get("/api/v1/events")]
    _mains_come_back_while_nobody_controls(product)
    verified = product.cli("audit", "verify", "-o", "json")
    logs = {log["log"]: log for log in json.loads(verified.stdout)["items"]}
    assert logs["api"]["holds"]
    assert logs["controller"]["holds"]
    assert "leak.critical" in product.cli("audit", "list", "--writer", "controller").stdout


def alarms(product: Product) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rack's alarms by name and tray."""
    said = product.get("/api/v1/racks/k01/alarms")["alarms"]
    return {(a["name"], a["place"].split("/")[4] if a["place"].count("/") > 3 else ""): a for a in said}


def _mains_come_back_while_nobody_controls(product: Product) -> None:
    """Nothing boots by itself; what somebody switches on behind the latch goes off again, and that is told."""

    def struck() -> int:
        events = product.get("/api/v1/events", severity="warning", limit=1000)
        return sum(e["kind"] == "interlock.done.force_off" and "u14: accepted" in e["message"] for e in events)

    def off_again() -> bool:
        hosts = product.control.hosts()
        return all(h["state"] == "Off" for p, h in hosts.items() if p.rpartition("/")[2] in LATCHED)

    before, controller = struck(), product.pids["controller"]
    os.kill(controller, signal.SIGSTOP)
    try:
        product.control.lose_mains("*", 2.0)
        product.control.step(90.0)
        assert off_again()
        product.control.put_hosts("*/u14", on=True)
        assert not off_again()
    finally:
        os.kill(controller, signal.SIGCONT)
    eventually(lambda: struck() > before and off_again(), within=60, every=0.5)
