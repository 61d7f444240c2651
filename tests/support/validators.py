"""DMTF's validators run on the product: their rows, and where their schemas and profiles lie."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from support.product import PASSWORD, Product

ROOT = Path(__file__).parents[2]
PEERS = Path(os.environ.get("RACKWRIGHT_PEERS", ROOT / ".venv-peers")) / "bin"
SHARED = Path(os.environ.get("RACKWRIGHT_CONFORM", ROOT.parent / "shared" / "conform")) / "schemas"
SCHEMAS = SHARED / "csdl"
PROFILES = SHARED / "profiles"


def validator_rows(product: Product, tool: str, out: Path, *options: str) -> list[dict[str, Any]]:
    """Run a validator as admin and return the rows of its workbook, which it writes below `out`."""
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(product.state / "tls" / "ca.pem")}
    done = subprocess.run(
        [str(PEERS / tool), "-r", product.url, "-u", "admin", "-p", PASSWORD, *options],
        capture_output=True,
        text=True,
        timeout=900,
        env=environment,
    )
    return workbook_rows(out, done.stdout[-2000:] + done.stderr[-2000:])


def service_rows(product: Product, out: Path, limit: float = 900.0) -> list[dict[str, Any]]:
    """Run the service validator as admin, offline, at most `limit` s; return what it found of each property."""
    command = [str(PEERS / "python"), str(ROOT / "tests" / "conformance" / "service_rows.py")]
    options = ["--schema_directory", str(SCHEMAS), "--skipschema", "--logdir", str(out)]
    done = subprocess.run(
        [*command, "-r", product.url, "-u", "admin", "-p", PASSWORD, *options],
        capture_output=True,
        text=True,
        timeout=limit,
        env={**os.environ, "REQUESTS_CA_BUNDLE": str(product.state / "tls" / "ca.pem")},
    )
    files = list(out.rglob("rows.jsonl"))
    assert files, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(line) for line in files[0].open()]


def workbook_rows(out: Path, said: str) -> list[dict[str, Any]]:
    """Return the rows of the newest workbook below `out`; `said` is what its tool printed, shown when there is none."""
    rows = subprocess.run(
        [str(PEERS / "python"), str(ROOT / "tests" / "conformance" / "validator_rows.py"), str(out)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert rows.returncode == 0, said + rows.stderr
    return [json.loads(line) for line in rows.stdout.splitlines()]
