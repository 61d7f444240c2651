"""Two generations side by side: a few trays on Redfish alone, one system of two racks with serial power and cooling."""

from collections.abc import Iterator

import pytest
from support.few_trays import FEW, GPUS, write
from support.product import Product, eventually
from support.serial_units import reading, units, well

RACKS = ["--racks", f"{FEW},orv3-hpr-nvl36x2"]
FIRST, SECOND = "k02", "k03"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("generations") / "state", RACKS)
    write(running.state)
    running.start()
    eventually(lambda: all(well(running, rack) for rack in (FIRST, SECOND)), 30)
    yield running
    running.stop()


def test_three_racks_hold_their_gpus_in_two_domains(product: Product) -> None:
    racks = {r["name"]: r for r in product.get("/api/v1/racks")}
    assert [(n, r["gpus"], r["generation"]) for n, r in sorted(racks.items())] == [
        ("k01", GPUS, FEW),
        (FIRST, 36, "orv3-hpr-nvl36x2"),
        (SECOND, 36, "orv3-hpr-nvl36x2"),
    ]
    domains = {d["id"]: d for d in product.get("/api/v1/domains")}
    assert {k: (d["gpus_present"], len(d["racks"])) for k, d in domains.items()} == {
        "k01.nvl0": (GPUS, 1),
        "k02.nvl0": (72, 2),
    }
    shown = eventually(lambda: (d := product.get("/api/v1/domains/k02.nvl0"))["gpu_power_w"]["quality"] == "good" and d)
    assert shown["gpu_power_w"]["total"] == 72
    assert "k02, k03" in product.cli("domain", "list").stdout


def test_every_endpoint_and_serial_unit_is_reachable(product: Product) -> None:
    def all_reachable() -> bool:
        racks = product.get("/api/v1/racks")
        return all(r["endpoints_reachable"] == r["endpoints_total"] for r in racks) and all(
            set(units(product, rack).values()) == {"reachable"} for rack in (FIRST, SECOND)
        )

    eventually(all_reachable, 30)
    # Three shelves of supplies and three of batteries, seven units each, and the pump.
    assert [len(units(product, rack)) for rack in (FIRST, SECOND)] == [43, 43]
    assert "7/7" in product.cli("endpoint", "list").stdout


@pytest.mark.timeout(1_200)
def test_nothing_is_older_than_three_periods_of_its_class(product: Product) -> None:
    for rack in ("k01", FIRST, SECOND):
        assert sum(r["value"] is not None for r in product.readings(rack)) > 1000
        product.wait_until_on_time(rack)


@pytest.mark.timeout(400)
def test_shelf_totals_are_what_the_trays_draw(product: Product) -> None:
    product.control.set_demand(1.0)

    def agrees() -> bool:
        summary = product.get(f"/api/v1/racks/{FIRST}")
        given, drawn = (
            summary["shelf_output_w"],
            sum(t["power_w"] or 0 for t in summary["trays"] if t["kind"] in ("compute", "switch")),
        )
        many = given["quality"] == "good" and given["value"] > 40_000  # more than any one register could say
        return many and given["value"] == pytest.approx(drawn, rel=0.05)

    eventually(agrees, 50)
    assert eventually(lambda: (reading(product, FIRST, "u01", "heat") or 0) > 6_553, 60)  # nor this one
    assert eventually(lambda: reading(product, FIRST, "u09/bbu0", "level"), 50) > 90
    product.control.set_demand(None)
