"""DMTF's use-case checkers on our own service with a tray that is switched for real: accounts, power, boot, queries.

They change the service's state, so that they have a rack of their own.
"""

import asyncio
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from support.api import PASSWORD
from support.validators import PEERS, workbook_rows
from support.whole_rack import WholeRack, whole_rack

from datacenter_api.auth.accounts import ensure_admin

TESTS = ("AccountManagement", "PowerControl", "BootOverride", "ManagerEthernetInterfaces", "QueryParameters")
TOOL = PEERS / "rf_use_case_checkers"

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


@pytest.mark.parametrize("test", TESTS)
async def test_a_use_case_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test: str) -> None:
    if not TOOL.exists():
        pytest.skip("needs .venv-peers: run `make conformance`")
    monkeypatch.setenv("RACKWRIGHT_ADMIN_PASSWORD", PASSWORD)
    ensure_admin(tmp_path)
    out = tmp_path / "report"
    async with whole_rack(tmp_path) as whole:
        said = await asyncio.to_thread(run, whole, out, test)
    rows = workbook_rows(out, said)
    count = Counter(row["Result"] for row in rows)
    print(f"conformance/use_case_{test}_fail {count['FAIL']} ({count['PASS']} passed, {count['WARN']} warnings)")
    assert [row for row in rows if row["Result"] in ("FAIL", "WARN")] == []


def run(whole: WholeRack, out: Path, test: str) -> str:
    """Run one of the checkers to its end and return what it printed."""
    done = subprocess.run(
        [str(TOOL), "-r", whole.url, "-u", "admin", "-p", PASSWORD, "--report-dir", str(out), "--test-list", test],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "REQUESTS_CA_BUNDLE": str(whole.trusted)},
    )
    return done.stdout[-4000:] + done.stderr[-2000:]
