"""Two generations side by side: a few trays on Redfish alone, one system of two racks with serial power and cooling."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.few_trays import FEW, GPUS, write
from support.product import Product, eventually

from firmware_bridge.emulator.faults import Fault, FaultKind

RACKS = ["--racks", f"{FEW},orv3-hpr-nvl36x2"]
FIRST, SECOND = "k02", "k03"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("generations") / "state", RACKS)
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


def events(product: Product, kind: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = product.get("/api/v1/events", limit=500)
    return [e for e in listed if e["kind"] == kind]


def test_three_racks_hold_their_gpus_in_two_domains(healthy: Product) -> None:
    racks = {r["name"]: r for r in healthy.get("/api/v1/racks")}
    assert [(n, r["gpus"], r["generation"]) for n, r in sorted(racks.items())] == [
        ("k01", GPUS, FEW),
        (FIRST, 36, "orv3-hpr-nvl36x2"),
        (SECOND, 36, "orv3-hpr-nvl36x2"),
    ]
    domains = {d["id"]: d for d in healthy.get("/api/v1/domains")}
    assert {k: (d["gpus_present"], len(d["racks"])) for k, d in domains.items()} == {
        "k01.nvl0": (GPUS, 1),
        "k02.nvl0": (72, 2),
    }
    shown = eventually(lambda: (d := healthy.get("/api/v1/domains/k02.nvl0"))["gpu_power_w"]["quality"] == "good" and d)
    assert shown["gpu_power_w"]["total"] == 72
    assert "k02, k03" in healthy.cli("domain", "list").stdout


def test_every_endpoint_and_serial_unit_is_reachable(healthy: Product) -> None:
    for rack in healthy.get("/api/v1/racks"):
        assert rack["endpoints_reachable"] == rack["endpoints_total"]
    for rack in (FIRST, SECOND):
        found = units(healthy, rack)
        assert len(found) == 43  # three shelves of supplies and three of batteries, seven units each, and the pump
        assert set(found.values()) == {"reachable"}
    assert "7/7" in healthy.cli("endpoint", "list").stdout


@pytest.mark.timeout(500)
def test_nothing_is_older_than_three_periods_of_its_class(healthy: Product) -> None:
    for rack in ("k01", FIRST, SECOND):
        assert sum(r["value"] is not None for r in healthy.readings(rack)) > 1000
        healthy.wait_until_on_time(rack)


@pytest.mark.timeout(400)
def test_shelf_totals_are_what_the_trays_draw(healthy: Product) -> None:
    healthy.control.set_demand(1.0)

    def agrees() -> bool:
        summary = healthy.get(f"/api/v1/racks/{FIRST}")
        given, drawn = (
            summary["shelf_output_w"],
            sum(t["power_w"] or 0 for t in summary["trays"] if t["kind"] in ("compute", "switch")),
        )
        many = given["quality"] == "good" and given["value"] > 40_000  # more than any one register could say
        return many and given["value"] == pytest.approx(drawn, rel=0.05)

    eventually(agrees, 50)
    assert eventually(lambda: (reading(healthy, FIRST, "u01", "heat") or 0) > 6_553, 60)  # nor this one
    assert eventually(lambda: reading(healthy, FIRST, "u09/bbu0", "level"), 50) > 90
    healthy.control.set_demand(None)


def test_a_pulled_supply_and_a_stuck_line_cost_nobody_else(healthy: Product) -> None:
    """Each on a rack of its own: silence takes long to be believed, and both are waited out at once."""
    healthy.control.set_faults(
        [Fault(FaultKind.REMOVED, f"*/{FIRST}/u06/psu3"), Fault(FaultKind.BUS_STUCK, f"*/{SECOND}/lines/battery")]
    )

    def lost() -> bool:
        found = {p.rsplit("/", 2)[1] for p, m in endpoints(healthy, SECOND).items() if m == "absent"}
        return found == {"u09", "u11", "u13"}

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
    eventually(lambda: hosts(healthy, FIRST) == [0] * 18, 30, every=0.5)
    latches = healthy.get(f"/api/v1/racks/{FIRST}/interlocks")["latches"]
    assert [latch["cause"] for latch in latches] == ["coolant.unit_leaks"]
    assert healthy.get(f"/api/v1/racks/{SECOND}")["leaks"] == []
    assert hosts(healthy, SECOND) == [1] * 18


def hosts(product: Product, rack: str) -> list[Any]:
    """Return the power state, 1 on or 0 off, of each compute and switch tray of a rack."""
    trays = product.get(f"/api/v1/racks/{rack}/layout")["trays"]
    switched = {t["place"] for t in trays if t["kind"] in ("compute", "switch")}
    rows = product.get(f"/api/v1/racks/{rack}/readings", quantity="power_state")
    return [r["value"] for r in rows if r["place"] in switched]
