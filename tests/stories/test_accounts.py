"""Accounts from the command line, to the end: made, used, refused, changed, removed."""

import os
import subprocess
from pathlib import Path

import pytest
from support.patience import PATIENCE
from support.product import COMMAND, Product

pytestmark = pytest.mark.timeout(150)


def as_user(product: Product, user: str, password: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "RACKWRIGHT_STATE": str(product.state),
        "RACKWRIGHT_USER": user,
        "RACKWRIGHT_PASSWORD": password,
        "NO_COLOR": "1",
    }
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=30 * PATIENCE, env=environment)


def test_a_technician_is_made_works_and_is_kept_in_bounds(product: Product, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("a-technicians-first-password\n")
    second.write_text("a-technicians-second-password\n")
    product.cli("account", "add", "tess", "--role", "technician", "--password-file", str(first))
    assert "tess" in product.cli("account", "list").stdout

    before, after = first.read_text().strip(), second.read_text().strip()
    assert as_user(product, "tess", before, "tray", "locate", "u12", "on").returncode == 0
    refused = as_user(product, "tess", before, "account", "list")
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (4, 1)

    words = ["account", "password", "--old-file", str(first), "--new-file", str(second)]
    changed = as_user(product, "tess", before, *words)
    assert changed.returncode == 0, changed.stderr
    assert as_user(product, "tess", before, "status").returncode == 4
    assert as_user(product, "tess", after, "status").returncode == 0

    product.cli("account", "change", "tess", "--disable")
    assert as_user(product, "tess", after, "status").returncode == 4
    product.cli("account", "remove", "tess")
    assert "tess" not in product.cli("account", "list").stdout
