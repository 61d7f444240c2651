"""Faults on serial lines: each costs its own units, and a leak its own rack, of a system of two."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.few_trays import FEW_PAIR, write
from support.product import Product, eventually
from support.serial_units import reading, units, well

from firmware_bridge.emulator.faults import Fault, FaultKind

FIRST, SECOND = "k01", "k02"
HOSTS = 3
"""Compute and switch trays of each rack."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("lines") / "state", ["--racks", FEW_PAIR])
    write(running.state)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def healthy(product: Product) -> Iterator[Product]:
    """The product without faults, before and after."""
    product.control.set_faults([])
    eventually(lambda: all(well(product, rack) for rack in (FIRST, SECOND)), 30)
    yield product
    product.control.set_faults([])


def events(product: Product, kind: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = product.get("/api/v1/events", limit=500)
    return [e for e in listed if e["kind"] == kind]


def test_a_pulled_supply_and_a_stuck_line_cost_nobody_else(healthy: Product) -> None:
    """Each on a rack of its own: silence takes long to be believed, and both are waited out at once."""
    healthy.control.set_faults(
        [Fault(FaultKind.REMOVED, f"*/{FIRST}/u06/psu3"), Fault(FaultKind.BUS_STUCK, f"*/{SECOND}/lines/battery")]
    )

    def lost() -> bool:
        found = {p.rsplit("/", 2)[1] for p, m in endpoints(healthy, SECOND).items() if m == "absent"}
        return found == {"u09"}

    eventually(lambda: units(healthy, FIRST)["u06/psu3"] == "absent", 40, every=0.5)
    eventually(lost, 40, every=0.5)
    rest = {u: m for u, m in units(healthy, FIRST).items() if u != "u06/psu3"}
    assert set(rest.values()) == {"reachable"}
    assert reading(healthy, FIRST, "u06/psu3", "power") is None
    rack = healthy.get(f"/api/v1/racks/{FIRST}")
    assert rack["endpoints_reachable"] == rack["endpoints_total"]
    eventually(lambda: set(endpoints(healthy, FIRST).values()) == {"reachable"})
    healthy.control.set_faults([])
    eventually(lambda: units(healthy, FIRST)["u06/psu3"] == "reachable", 30, every=0.5)


def endpoints(product: Product, rack: str) -> dict[str, str]:
    rows = product.get(f"/api/v1/racks/{rack}/endpoints")
    return {e["place"]: e["management"] for e in rows if e["enabled"]}


# The last one on this product: what leaked is latched, and its rack stays off until a person signs for it.
def test_a_leak_in_the_pumping_unit_is_told_with_its_place_and_its_rack_goes_off(healthy: Product) -> None:
    healthy.control.set_faults([Fault(FaultKind.LEAK, f"*/{FIRST}/u01/leak0")])
    leaks = eventually(lambda: healthy.get(f"/api/v1/racks/{FIRST}")["leaks"] or None)
    assert [leak["place"].rsplit("/", 2)[1:] for leak in leaks] == [["u01", "leak0"]]
    told = eventually(lambda: [e for e in events(healthy, "leak.critical") if e["place"].endswith("u01/leak0")] or None)
    assert told[0]["severity"] == "critical"
    assert eventually(lambda: [e for e in events(healthy, "alarm.set") if "internal" in e["message"]] or None)
    eventually(lambda: hosts(healthy, FIRST) == [0] * HOSTS, 30, every=0.5)
    latches = healthy.get(f"/api/v1/racks/{FIRST}/interlocks")["latches"]
    assert [latch["cause"] for latch in latches] == ["coolant.unit_leaks"]
    assert healthy.get(f"/api/v1/racks/{SECOND}")["leaks"] == []
    assert hosts(healthy, SECOND) == [1] * HOSTS


def hosts(product: Product, rack: str) -> list[Any]:
    """Return the power state, 1 on or 0 off, of each compute and switch tray of a rack."""
    trays = product.get(f"/api/v1/racks/{rack}/layout")["trays"]
    switched = {t["place"] for t in trays if t["kind"] in ("compute", "switch")}
    rows = product.get(f"/api/v1/racks/{rack}/readings", quantity="power_state")
    return [r["value"] for r in rows if r["place"] in switched]
