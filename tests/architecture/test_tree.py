"""The house stays a house: mirrored tests, small modules, no forbidden names, no secrets, no registry in the lock."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("firmware_bridge", "rack_controller", "datacenter_api")
MODULES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
FORBIDDEN_NAMES = {"manager", "handler", "utils", "helpers", "common", "base", "misc"}
MOST_LINES = 450


def test_no_module_has_a_name_that_says_nothing() -> None:
    for path in MODULES:
        assert not FORBIDDEN_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}, path


def test_no_module_grows_without_bound() -> None:
    for path in MODULES:
        lines = len(path.read_text().splitlines())
        assert lines <= MOST_LINES, f"{path}: {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_its_job(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), path


def test_the_lock_has_hashes_and_names_no_registry() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert not re.search(r"https?://|--index-url|--find-links", text), lock
        for block in re.split(r"\n(?=\S)", text):
            if "==" in block and not block.startswith("#"):
                assert "--hash=sha256:" in block, block.splitlines()[0]


def test_no_private_key_or_machine_path_is_committed() -> None:
    for path in [*MODULES, *(p for p in (ROOT / "seeds").rglob("*") if p.is_file())]:
        text = path.read_text(errors="replace")
        assert "PRIVATE KEY-----\n" not in text, path
        assert not re.search(r"/(?:home|root|Users)/[a-z]", text), path
