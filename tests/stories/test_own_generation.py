"""A generation in the state directory that nobody wrote code for: loaded, emulated, read, shown as one domain."""

import os
import signal

import pytest
from support.patience import PATIENCE
from support.product import Product, eventually
from support.walnut import MAP, write


def test_it_loads_and_runs_from_its_folder_alone(own_product: Product) -> None:
    write(own_product.state / "generations")
    own_product.options = ["--racks", "walnut"]
    own_product.start()
    racks = own_product.get("/api/v1/racks")
    assert [(r["name"], r["generation"], r["gpus"]) for r in racks] == [(f"k0{n}", "walnut", 2) for n in (1, 2, 3)]
    (domain,) = own_product.get("/api/v1/domains")
    assert (domain["id"], domain["gpus_present"], domain["racks_missing"]) == ("k01.ring", 6, 0)
    eventually(lambda: all(r["shelf_output_w"]["quality"] == "good" for r in own_product.get("/api/v1/racks")))
    rows = [
        r for n in (0, 1) for r in own_product.get("/api/v1/racks/k02/readings", place=f"u01/psu{n}", quantity="power")
    ]
    assert sum(r["value"] for r in rows) > 0, "of two supplies one may carry all of so small a load"
    assert {r["label"] for r in rows} == {"watts"}


def test_a_register_map_that_cannot_be_true_costs_its_trays_only(own_product: Product) -> None:
    own_product.options = ["--racks", "walnut"]
    broken = write(own_product.state / "generations") / "walnut" / "registers" / "walnut-supply.yaml"
    broken.write_text(MAP.replace("at: 3, words: 4", "at: 2, words: 4"))
    own_product.start(wait=False)
    assert own_product.process is not None
    said = own_product.process.communicate(timeout=40 * PATIENCE)[0]
    assert "registers[1].at" in said  # an emulator has nothing else to show: it does not start
    assert "belongs to watts" in said


@pytest.mark.timeout(300)
def test_a_wrong_map_on_real_lines_is_an_error_of_its_endpoint(own_product: Product) -> None:
    """The emulated rack has the right map, the controller's copy is wrong: only the shelf is not read."""
    write(own_product.state / "generations")
    own_product.options = ["--racks", "walnut"]
    own_product.start()
    wrong = own_product.state / "generations" / "walnut" / "registers" / "walnut-supply.yaml"
    wrong.write_text(MAP.replace("quantity: power,", "quantity: powder,"))
    os.kill(own_product.pids["controller"], signal.SIGKILL)

    def told() -> str | None:
        try:
            rows = own_product.get("/api/v1/racks/k01/endpoints")
        except AssertionError:
            return None
        return next((r["error"] for r in rows if r["management"] == "absent" and "powder" in r["error"]), None)

    assert "registers[0].quantity" in eventually(told, 40)
