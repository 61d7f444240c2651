"""What the pages say exists: links, make targets, commands, metrics, routes and golden files."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
import typer

from datacenter_api.cli.main import app
from datacenter_api.metrics import exposition
from datacenter_api.metrics.families import FAMILIES, Family
from datacenter_api.routes import ROUTES

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "seeds").rglob("*.md")], key=lambda p: p.as_posix()
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<(?:img|source)[^>]*?(?:src|srcset)=\"([^\"]+)\"")
WIDEST = 120


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """Return the page without fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for found in LINK.findall(prose(page)):
        target, _, anchor = (found[0] or found[1]).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{name_of(page)} links to {target}"
        assert not anchor or anchor in anchors(path), f"{name_of(page)} links to #{anchor} in {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_named_exists(page: Path) -> None:
    known = set(re.findall(r"^([a-z.]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"(?:`|^)make ([a-z.]+)", page.read_text(), re.M))
    assert named <= known, named - known


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_in_code_marks_exist(page: Path) -> None:
    named = re.findall(r"`((?:firmware_bridge|rack_controller|datacenter_api|tests|seeds|docs)/[\w./-]+)`", prose(page))
    missing = [path for path in named if "NNNN" not in path and not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_lines_are_not_too_wide(page: Path) -> None:
    for number, line in enumerate(page.read_text().splitlines(), 1):
        assert len(line) <= WIDEST or line.startswith("|"), f"{name_of(page)}:{number}"


@cache
def commands() -> set[str]:
    """Return every command of the program, as it is typed after `rackwright`."""

    def walk(command: click.Command, words: tuple[str, ...]) -> Iterator[str]:
        children = getattr(command, "commands", None)
        if children is None:
            yield " ".join(words)
            return
        for name, child in children.items():
            # A verb that may be left out is the noun alone.
            yield from walk(child, words if name == getattr(command, "left_out", None) else (*words, name))

    return set(walk(typer.main.get_command(app), ()))


def test_the_command_page_names_every_command_and_no_other() -> None:
    known = commands()
    rows = re.findall(r"^\| `rackwright ([^`]+)`", (ROOT / "docs" / "command-line.md").read_text(), re.M)
    named = {
        next((" ".join(row.split()[:n]) for n in (3, 2, 1) if " ".join(row.split()[:n]) in known), row) for row in rows
    }
    assert named == known


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_in_an_example_exists(page: Path) -> None:
    known = commands()
    nouns = {name.split()[0] for name in known}
    for words in re.findall(
        r"^(?:\$ )?(?:\.venv/bin/)?rackwright ((?:--\w+ \S+ )*)(\S+)(?: (\S+))?(?: (\S+))?", page.read_text(), re.M
    ):
        noun, verb, more = words[1:]
        assert noun in nouns, f"{name_of(page)}: rackwright {noun}"
        said = {noun, f"{noun} {verb}", f"{noun} {verb} {more}"}
        assert said & known, f"{name_of(page)}: rackwright {noun} {verb} {more}"


def test_the_metrics_page_names_every_family_and_no_other() -> None:
    own = {value.name for value in vars(exposition).values() if isinstance(value, Family)}
    text = (ROOT / "docs" / "metrics.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (gauge|counter) \|", text, re.M))
    assert rows.keys() == own | FAMILIES.keys()
    assert all(rows[name] == family.type for name, family in FAMILIES.items())


def test_the_api_page_names_every_route_under_v1() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    for rule in ROUTES:
        path = re.sub(r"\{(\w+)(:path)?\}", r"{\1}", rule.path).removesuffix("_id}") + (
            "}" if "_id}" in rule.path else ""
        )
        tail = path.removeprefix("/api/v1").replace("{session}", "{id}")
        if rule.path.startswith("/api/v1"):
            assert tail in text.replace("{session_id}", "{id}"), f"{rule.method} {rule.path}"


def test_every_decision_is_in_the_index_and_on_one_page() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    for page in folder.glob("[0-9]*.md"):
        assert f"]({page.name})" in index, page.name
        assert 30 <= len(page.read_text().splitlines()) <= 100, page.name


def test_pictures_stay_small() -> None:
    for picture in (ROOT / "docs").rglob("*.png"):
        assert picture.stat().st_size <= 300_000, picture
