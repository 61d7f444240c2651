"""A generation in the state directory that nobody wrote code for: loaded, emulated, read, shown as one domain."""

import os
import signal
from collections.abc import Iterator

import pytest
from support.patience import PATIENCE
from support.product import Product, eventually
from support.walnut import MAP, write

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("walnut") / "state", ["--racks", "walnut", "--speed", "2"])
    write(running.state / "generations")
    running.start()
    yield running
    running.stop()


def test_it_loads_and_runs_from_its_folder_alone(product: Product) -> None:
    racks = product.get("/api/v1/racks")
    assert [(r["name"], r["generation"], r["gpus"]) for r in racks] == [(f"k0{n}", "walnut", 2) for n in (1, 2, 3)]
    (domain,) = product.get("/api/v1/domains")
    assert (domain["id"], domain["gpus_present"], domain["racks_missing"]) == ("k01.ring", 6, 0)
    eventually(lambda: all(r["shelf_output_w"]["quality"] == "good" for r in product.get("/api/v1/racks")))
    rows = [r for n in (0, 1) for r in product.get("/api/v1/racks/k02/readings", place=f"u01/psu{n}", quantity="power")]
    assert sum(r["value"] for r in rows) > 0, "of two supplies one may carry all of so small a load"
    assert {r["label"] for r in rows} == {"watts"}


# The last one on this product: its shelf is not read any more.
def test_a_wrong_map_on_real_lines_is_an_error_of_its_endpoint(product: Product) -> None:
    """The emulated rack has the right map, the controller's copy is wrong: only the shelf is not read."""
    wrong = product.state / "generations" / "walnut" / "registers" / "walnut-supply.yaml"
    wrong.write_text(MAP.replace("quantity: power,", "quantity: powder,"))
    os.kill(product.pids["controller"], signal.SIGKILL)

    def told() -> str | None:
        try:
            rows = product.get("/api/v1/racks/k01/endpoints")
        except AssertionError:
            return None
        return next((r["error"] for r in rows if r["management"] == "absent" and "powder" in r["error"]), None)

    assert "registers[0].quantity" in eventually(told, 40)


def test_a_register_map_that_cannot_be_true_costs_its_trays_only(own_product: Product) -> None:
    own_product.options = ["--racks", "walnut"]
    broken = write(own_product.state / "generations") / "walnut" / "registers" / "walnut-supply.yaml"
    broken.write_text(MAP.replace("at: 3, words: 4", "at: 2, words: 4"))
    own_product.start(wait=False)
    assert own_product.process is not None
    said = own_product.process.communicate(timeout=40 * PATIENCE)[0]
    assert "registers[1].at" in said  # an emulator has nothing else to show: it does not start
    assert "belongs to watts" in said
