"""The supply graph of a site: read from the site file or beside it, and refused with file, line and reason."""

from pathlib import Path

import pytest

from firmware_bridge.generations.upstream_file import read_upstream
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.upstream import Upstream

K01 = Place("s1/a/r01/k01")
RACKS = {K01: frozenset({"a", "b"})}
GRAPH = """\
nodes:
  utility: {limit_kw: 750}
  ups-a: {limit_kw: 400, from: [utility], overload: 1.33, overload_for_s: 10}
  ups-b: {limit_kw: 400, from: [utility]}
  way-b: {breaker_a: 400, voltage_v: 415, from: [ups-b]}
racks:
  s1/a/r01/k01: {a: ups-a, b: way-b}
"""


def written(folder: Path, graph: str, named: bool = False) -> Path:
    site = folder / "site.yaml"
    indented = "".join(f"  {line}\n" for line in graph.splitlines())
    site.write_text("feeds: {file: power.yaml}\n" if named else f"feeds:\n{indented}")
    if named:
        (folder / "power.yaml").write_text(graph)
    return site


@pytest.mark.parametrize("named", [False, True])
def test_a_graph_is_read_with_its_sources_first(tmp_path: Path, named: bool) -> None:
    found = read_upstream(written(tmp_path, GRAPH, named), RACKS)
    assert [node.name for node in found.nodes] == ["utility", "ups-a", "ups-b", "way-b"]
    assert found.nodes[3].limit == pytest.approx(400 * 415 * 3**0.5 * 0.8)
    assert found.racks == {K01: {"a": "ups-a", "b": "way-b"}}


def test_a_site_that_says_nothing_has_no_limits_above_its_racks(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("racks: []\n")
    assert read_upstream(site, RACKS) == Upstream()


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("from: [utility], overload", "from: [way-b], overload", 5, "expected a node"),
        ("utility: {limit_kw: 750}", "utility: {limit_kw: 750, from: [way-b]}", 2, "feeds itself: utility from way-b"),
        ("limit_kw: 750", "limit_kw: -750", 2, ">= 0|> 0"),
        ("limit_kw: 750", "limit_kw: 7500000000", 2, "0.1 to 1e+06 kW"),
        ("limit_kw: 750", "limit_kw: .nan", 2, "> 0"),
        ("breaker_a: 400, voltage_v: 415,", "breaker_a: 400,", 5, "voltage_v beside"),
        ("{limit_kw: 750}", "{limit_kw: 750, breaker_a: 2}", 2, "one of them"),
        ("b: way-b}", "b: ups-a}", 5, "orphan"),
        ("b: way-b}", "b: nowhere}", 7, "got 'nowhere'"),
        ("b: way-b}", "}", 7, "a node for each feed"),
        ("  s1/a/r01/k01:", "  s1/a/r01/k02:", 7, "a rack of the site"),
        ("  s1/a/r01/k01: {a: ups-a, b: way-b}", "  {}", 6, "hangs on nothing"),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_line(
    tmp_path: Path, before: str, after: str, line: int, said: str
) -> None:
    assert before in GRAPH
    site = written(tmp_path, GRAPH.replace(before, after), named=True)
    if before.startswith("from: [utility]"):
        site = written(tmp_path, GRAPH.replace("way-b: {", "way-c: {").replace(before, after), named=True)
        line = 3
    with pytest.raises(FileInvalid) as refused:
        read_upstream(site, RACKS)
    assert (Path(refused.value.file).name, refused.value.line) == ("power.yaml", line), refused.value
    assert any(part in str(refused.value) for part in said.split("|")), refused.value


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("feeds: {file: none.yaml}\n")
    with pytest.raises(ConfigurationError, match=r"none\.yaml"):
        read_upstream(site, RACKS)
