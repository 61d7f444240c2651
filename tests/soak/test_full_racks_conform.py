"""What takes half an hour: DMTF's service validator over whole racks of two designs, as people run them.

Needs `.venv-peers` (`make conformance` makes it) and the schema files of ../shared/conform.
"""

from collections import Counter
from pathlib import Path

import pytest
from support.product import Product, eventually
from support.validators import PEERS, SCHEMAS, service_rows

RACKS = "gb200-nvl72,orv3-hpr-nvl36x2"
LEAST_CHECKS, LEAST_ITEMS = 150_000, 300
SECONDS = 3_000.0

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3_600)]


def test_the_service_validator_finds_nothing_in_whole_racks(tmp_path: Path) -> None:
    if not (PEERS / "rf_service_validator").exists():
        pytest.skip("needs .venv-peers: run `make conformance`")
    if not SCHEMAS.is_dir():
        pytest.skip(f"needs the schema files in {SCHEMAS}")
    product = Product(tmp_path / "state", ["--racks", RACKS])
    product.start()
    try:
        seen: list[int] = []

        def settled() -> bool:
            """The first look begins the stock reports; the tree is whole when nothing has come for a minute."""
            seen.append(product.get("/redfish/v1/UpdateService/FirmwareInventory")["Members@odata.count"])
            return seen[-1] > LEAST_ITEMS and len(set(seen[-7:])) == 1 and len(seen) >= 7

        eventually(settled, within=900, every=10.0)
        rows = service_rows(product, tmp_path, limit=SECONDS)
    finally:
        product.stop()
    count = Counter(row["Result"] for row in rows)
    print(f"conformance/full_racks_fail {count['FAIL']} ({count['PASS']} passed, {count['WARN']} warnings)")
    assert [row for row in rows if row["Result"] in ("FAIL", "WARN")] == []
    assert count["PASS"] >= LEAST_CHECKS
