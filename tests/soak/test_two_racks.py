"""Two emulated racks are accepted together while they run: held back until each passed L11, then passed, then a fault
of one of them is named with its rack."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.product import Product, eventually

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.generations.load import load_generation
from rack_controller.acceptance.live import live_parts
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.run import EVIDENCE, FOLDER, RunFolder
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.seal import SUFFIX

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
GENERATION, RACKS = "orv3-hpr-nvl36x2", ("k01", "k02")
PLAN = Path(__file__).with_name("two_racks.yaml")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("together") / "state", ["--racks", GENERATION])
    running.start()
    for rack in RACKS:
        eventually(lambda rack=rack: running.get(f"/api/v1/racks/{rack}")["live"], within=120)
    yield running
    running.stop()


def begun(product: Product, *words: str) -> list[str]:
    """Begin a run as a person does, and return the runs of its racks."""
    before = {r["id"] for r in product.get("/api/v1/acceptance/runs")}
    product.cli("accept", "run", *words, "--plan", str(PLAN), "--yes", "--leave")
    rows = [r for r in product.get("/api/v1/acceptance/runs") if r["id"] not in before]
    return list(rows[0]["together"] or [rows[0]["id"]])


def ended(product: Product, runs: list[str]) -> list[RunRecord]:
    """Wait for the sealed end of runs."""
    folders = [RunFolder(product.state / FOLDER / run) for run in runs]

    def over() -> bool:
        for run in runs:
            trouble = product.get(f"/api/v1/acceptance/runs/{run}")["trouble"]
            assert not trouble, trouble
        return all((f.path / (EVIDENCE + SUFFIX)).exists() for f in folders)

    eventually(over, within=300, every=1.0)
    return [folder.read() for folder in folders]


def trunks(rack: str, other: str) -> bytes:
    """Return what the floor hands in of a rack's ports to the other one."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["kind", "place", "tester", "calibrated_until", "on", "neighbour"])
    for port in live_parts(load_generation(GENERATION)).of("sw"):
        writer.writerow(["nvlink_trunks", port, "nmx-c", "2027-05-31", "2026-11-20", f"{other}/{port}"])
    return out.getvalue().encode()


def test_two_racks_are_accepted_together_and_a_fault_is_named_with_its_rack(product: Product, tmp_path: Path) -> None:
    together = ("-r", "k01", "-r", "k02", "--level", "L12")
    held = ended(product, begun(product, *together))
    assert {s.outcome for r in held for s in r.steps} == {Outcome.ERROR}
    assert all("k01 is not accepted at L11" in s.why and "k02 is not" in s.why for r in held for s in r.steps)

    alone = [begun(product, "-r", rack) for rack in RACKS]
    passed = [ended(product, runs)[0] for runs in alone]
    assert [(r.outcome, [f.text for f in r.findings]) for r in passed] == [(Outcome.PASS, [])] * 2

    for rack, other in (RACKS, RACKS[::-1]):
        (tmp_path / f"{rack}.csv").write_bytes(trunks(rack, other))
        product.cli("accept", "floor", "import", str(tmp_path / f"{rack}.csv"), "-r", rack)
    runs = begun(product, *together)
    good = ended(product, runs)
    assert [[(s.id, s.outcome, [f.text for f in s.findings]) for s in r.steps] for r in good] == [
        [(name, Outcome.PASS, []) for name in ("cluster_clock", "trunks", "cluster_load")]
    ] * 2
    assert [r.before for r in good] == [r.id for r in passed]
    for run in runs:
        assert product.get(f"/api/v1/acceptance/runs/{run}/verify")["holds"]
        assert (product.state / FOLDER / run / "undo.json").read_text() == "[]"
    page = product.get(f"/api/v1/acceptance/runs/{runs[0]}/report.html")
    assert "Together with lab1/a/r01/k02" in page

    product.control.set_faults([Fault(FaultKind.CLOCK_1970, "*/k02/u34/bmc")])
    one, other_one = ended(product, begun(product, *together))
    assert (one.outcome, other_one.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert [(s.id, f.place) for s in other_one.steps for f in s.findings] == [("cluster_clock", "u34/bmc")]
    product.control.set_faults([])
