"""Sequences: what ships is whole, and what is wrong is pointed at."""

from pathlib import Path

import pytest

from firmware_bridge.generations.sequence import read_sequence
from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.vocabulary.sequence import Sequence

GOOD = """\
schema_version: 1
request_s: 15
acts:
  compute:
    host_on: [{action: "on", within_s: 60}]
    host_off: [{action: force_off, within_s: 60}]
power_on:
  - {name: compute, title: Compute, of: [compute]}
power_off:
  - {name: compute, title: Compute, of: [compute]}
"""


def read(folder: Path, text: str, name: str = "mine", **others: str) -> Sequence | None:
    folders = {}
    for each, content in {name: text, **others}.items():
        folders[each] = folder / each
        folders[each].mkdir(exist_ok=True)
        (folders[each] / "sequence.yaml").write_text(content)
    return read_sequence(name, folders)


def test_one_sequence_may_extend_another(tmp_path: Path) -> None:
    assert read_sequence("none", {"none": tmp_path / "none"}) is None
    found = read(tmp_path, "extends: base\nrequest_s: 20\n", base=GOOD)
    assert found is not None
    assert (found.request_s, found.power_on[0].name) == (20, "compute")


@pytest.mark.parametrize(
    ("was", "now", "line", "said"),
    [
        ("request_s: 15", "request_s: 0", 2, "Expected `float` > 0"),
        ('action: "on"', "action: force_off", 5, "expected on, got force_off"),
        ("action: force_off", 'action: "off"', 3, "Invalid enum value"),
        ("of: [compute]}\npower_off", "of: [switch]}\npower_off", 8, "expected a kind with `acts`"),
        ("of: [compute]}\npower_off", "of: [compute], widht: 3}\npower_off", 8, "unknown field `widht`"),
        (
            "of: [compute]}\npower_off",
            "after: [{name: a, title: a, over: [compute]}]}\npower_off",
            8,
            "either `quantity` or `same_version`",
        ),
        (
            "of: [compute]}\npower_off",
            'after: [{name: a, title: a, over: [compute], quantity: power_state, is: "up"}]}\npower_off',
            8,
            "a word of power_state (off, on)",
        ),
        (
            "of: [compute]}\npower_off",
            "after: [{name: a, title: a, over: [compute], quantity: flow}]}\npower_off",
            8,
            "`is`, `least`, `most`",
        ),
        (
            "of: [compute]}\npower_off",
            "after: [{name: a, title: a, over: [compute], quantity: flow, over_supply_k: 3}]}\npower_off",
            8,
            "expected a temperature",
        ),
        (
            "of: [compute]}\npower_off",
            "after: [{name: a, title: a, over: [switch], part: a, sensors: [b], quantity: flow, least: 3}]}\npower_off",
            8,
            "`sensors` beside `quantity`, and instead of `part`",
        ),
        ("schema_version: 1", "schema_version: 2", 1, "Expected `int` <= 1"),
    ],
)
def test_what_is_wrong_is_pointed_at(tmp_path: Path, was: str, now: str, line: int, said: str) -> None:
    assert was in GOOD
    with pytest.raises(FileInvalid) as caught:
        read(tmp_path, GOOD.replace(was, now))
    assert said in caught.value.expected
    assert caught.value.line == line


def test_a_circle_and_a_stage_twice_are_refused(tmp_path: Path) -> None:
    twice = GOOD.replace("power_off:", "  - {name: compute, title: Again}\npower_off:")
    with pytest.raises(FileInvalid, match="each stage once"):
        read(tmp_path, twice)
    with pytest.raises(FileInvalid, match="another generation with a sequence"):
        read(tmp_path, "extends: mine\n")
    with pytest.raises(FileInvalid, match="extends none"):
        read(tmp_path, "extends: base\n", base="extends: mine\n")
