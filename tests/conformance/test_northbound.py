"""DMTF's validators on our own Redfish service: two small racks of two designs, over TLS, twice on one process.

Needs `.venv-peers` (`make conformance` makes it) and the schema files of ../shared/conform.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.product import PASSWORD, Product, eventually
from support.small_hall import RACKS, write

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".venv-peers" / "bin"
SCHEMAS = ROOT.parent / "shared" / "conform" / "schemas" / "csdl"
LEAST_CHECKS = 30_000
# What is left, with its reason in docs/conformance.md.
KNOWN_PROTOCOL = {"SERV_EVENT_POST_RESP"}

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    if not (PEERS / "rf_service_validator").exists():
        pytest.skip("needs .venv-peers: run `make conformance`")
    product = Product(tmp_path_factory.mktemp("hall") / "state")
    write(product.state / "generations")
    product.options = ["--racks", RACKS]
    product.start()
    # The first look begins the stock reports; the tree is complete when every rack's are in.
    eventually(lambda: len(firmware(product)) > 100, within=120, every=1.0)
    yield product
    product.stop()


def firmware(product: Product) -> list[Any]:
    members: list[Any] = product.get("/redfish/v1/UpdateService/FirmwareInventory")["Members"]
    return members


def run(product: Product, tool: str, out: Path, *options: str) -> list[dict[str, Any]]:
    """Run a validator and return its rows."""
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(product.state / "tls" / "ca.pem")}
    done = subprocess.run(
        [str(PEERS / tool), "-r", product.url, "-u", "admin", "-p", PASSWORD, *options],
        capture_output=True,
        text=True,
        timeout=900,
        env=environment,
    )
    rows = subprocess.run(
        [str(PEERS / "python"), str(Path(__file__).with_name("validator_rows.py")), str(out)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert rows.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:] + rows.stderr
    return [json.loads(line) for line in rows.stdout.splitlines()]


def test_the_service_validator_finds_nothing_twice_on_one_process(hall: Product, tmp_path: Path) -> None:
    if not SCHEMAS.is_dir():
        pytest.skip(f"needs the schema files in {SCHEMAS}")
    for turn in ("first", "second"):
        out = tmp_path / turn
        options = ["--schema_directory", str(SCHEMAS), "--skipschema", "--logdir", str(out)]
        rows = run(hall, "rf_service_validator", out, *options)
        count = Counter(row["Result"] for row in rows)
        print(f"conformance/service_fail {count['FAIL']} ({count['PASS']} passed, {count['WARN']} warnings, {turn})")
        assert [row for row in rows if row["Result"] in ("FAIL", "WARN")] == []
        assert count["PASS"] >= LEAST_CHECKS


def test_the_protocol_validator_finds_nothing_that_is_not_explained(hall: Product, tmp_path: Path) -> None:
    rows = run(hall, "rf_protocol_validator", tmp_path, "--avoid-http-redirect", "--report-dir", str(tmp_path))
    count = Counter(row["Result"] for row in rows)
    print(f"conformance/protocol_fail {count['FAIL']} ({count['PASS']} passed, {count['WARN']} warnings)")
    failed = [row for row in rows if row["Result"] == "FAIL"]
    assert [row for row in failed if not KNOWN_PROTOCOL & set(map(str, row.values()))] == []
    assert count["PASS"] >= 400
