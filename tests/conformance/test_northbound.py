"""DMTF's validators on our own Redfish service: two small racks of two designs, over TLS.

The service validator walks one process twice, and each resource passes as many checks the second time.  On a machine so
busy that endpoints come and go meanwhile, logs grow: it walks again until two turns in a row are equal.

Needs `.venv-peers` (`make conformance` makes it) and the schema files of ../shared/conform.
"""

import re
from collections import Counter
from pathlib import Path

import pytest
from support.product import Product
from support.validators import SCHEMAS, service_rows, validator_rows

LEAST_CHECKS = 30_000
MOST_TURNS = 4
SESSION = re.compile(r"(/SessionService/Sessions/).+")

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1_800)]


def test_the_service_validator_finds_nothing_twice_on_one_process(hall: Product, tmp_path: Path) -> None:
    if not SCHEMAS.is_dir():
        pytest.skip(f"needs the schema files in {SCHEMAS}")
    before, differ = service_turn(hall, tmp_path, 1), {"": (0, 0)}
    for turn in range(2, MOST_TURNS + 1):
        after = service_turn(hall, tmp_path, turn)
        differ = {uri: (before[uri], after[uri]) for uri in before | after if before[uri] != after[uri]}
        if not differ:
            break
        print(f"  turn {turn} differs in {len(differ)} resources: {dict(list(differ.items())[:20])}")
        before = after
    assert differ == {}


def service_turn(hall: Product, folder: Path, turn: int) -> Counter[str]:
    """Let the validator walk the hall once; return how many checks each resource passed.  Its own session, which has
    another id each time, counts as one resource."""
    out = folder / str(turn)
    out.mkdir()
    rows = service_rows(hall, out)
    count = Counter(row["Result"] for row in rows)
    print(f"conformance/service_fail {count['FAIL']} ({count['PASS']} passed, {count['WARN']} warnings, turn {turn})")
    assert [row for row in rows if row["Result"] in ("FAIL", "WARN")] == []
    assert count["PASS"] >= LEAST_CHECKS
    return Counter(SESSION.sub(r"\1", row["URI"]) for row in rows if row["Result"] == "PASS")


def test_the_protocol_validator_finds_nothing(hall: Product, tmp_path: Path) -> None:
    rows = validator_rows(
        hall, "rf_protocol_validator", tmp_path, "--avoid-http-redirect", "--report-dir", str(tmp_path)
    )
    count = Counter(row["Result"] for row in rows)
    print(f"conformance/protocol_fail {count['FAIL']} ({count['PASS']} passed, {count['WARN']} warnings)")
    assert [row for row in rows if row["Result"] in ("FAIL", "WARN")] == []
    assert count["PASS"] >= 400
