"""Accounts from the command line, to the end: made, used, refused, changed, removed; and who is not let in at all."""

import os
import subprocess
from pathlib import Path

import pytest
from support.patience import PATIENCE
from support.product import COMMAND, Product

pytestmark = pytest.mark.timeout(300)


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
    refused(as_user(product, "tess", before, "account", "list"), 4)

    words = ["account", "password", "--old-file", str(first), "--new-file", str(second)]
    changed = as_user(product, "tess", before, *words)
    assert changed.returncode == 0, changed.stderr
    assert as_user(product, "tess", before, "status").returncode == 4
    assert as_user(product, "tess", after, "status").returncode == 0

    product.cli("account", "change", "tess", "--disable")
    assert as_user(product, "tess", after, "status").returncode == 4
    product.cli("account", "remove", "tess")
    assert "tess" not in product.cli("account", "list").stdout


def test_a_wrong_password(product: Product) -> None:
    refused(as_user(product, "admin", "wrong", "status"), 4, "login")


def test_a_second_up_on_one_state_directory(product: Product) -> None:
    words = ("up", "--state", str(product.state), "--listen", "127.0.0.1:0")
    refused(as_user(product, "admin", "any", *words), 2, "in use by pid", str(product.pids["supervisor"]), "--state")


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One line that says what and what to do, the contract's exit code, no traceback."""
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == code, line
    assert [word for word in words if word not in line] == []
