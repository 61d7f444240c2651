from pathlib import Path

import pytest

from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from rack_controller.powerbench.scenario import changed, read_scenario, scenario_files

GOOD = """
schema_version: 1
name: mine
title: Mine
generation: gb200-nvl72
racks: 2
seconds: 30
oversubscription: 1.2
jobs:
  - {kind: training, racks: [0], peak_w: 1100, compute_s: 4, exchange_s: 1}
  - {kind: serving, racks: [1], peak_w: 1000}
happenings:
  - {at_s: 10, for_s: 5, limit: 0.8}
"""


def write(folder: Path, text: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize("name", sorted(scenario_files()))
def test_every_shipped_scenario_reads(name: str) -> None:
    scenario = read_scenario(name)
    assert scenario.name == name
    assert scenario.title


def test_a_file_of_ones_own_reads(tmp_path: Path) -> None:
    assert read_scenario(write(tmp_path, GOOD)).happenings[0].limit == 0.8


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("racks: 2", "racks: 0", 6, "racks"),
        ("racks: [1]", "racks: [0]", 11, "jobs[1].racks[0]"),
        ("racks: [1]", "racks: [7]", 11, "jobs[1].racks[0]"),
        ("racks: 2", "racks: 3", 9, "jobs"),
        ("limit: 0.8", "limit: 0", 13, "happenings[0]"),
        ("at_s: 10", "at_s: 99", 13, "happenings[0]"),
        ("kind: serving", "kind: mining", 11, "jobs[1]"),
        ("oversubscription: 1.2", "oversubscription: .nan", 8, "oversubscription"),
        ("title: Mine", "titel: Mine", 1, ""),
        ("compute_s: 4", "compute_s: 0", 10, "jobs[0]"),
        ("exchange_s: 1", "exchange_s: .nan", 10, "jobs[0]"),
        ("peak_w: 1100", "peak_w: .inf", 10, "jobs[0]"),
        ("peak_w: 1000", "peak_w: 1000, load: -1", 11, "jobs[1]"),
        ("peak_w: 1000", "peak_w: 1000, burst_s: 0", 11, "jobs[1]"),
        ("limit: 0.8", "lost: 1.5", 13, "happenings[0]"),
        ("limit: 0.8", "clip: .nan", 13, "happenings[0]"),
        ("limit: 0.8", "facility_c: 900", 13, "happenings[0]"),
        ("racks: 2", "writes: {delay_s: [1, 0.5]}\nracks: 2", 6, "writes.delay_s"),
        ("racks: 2", "sensing: {power_s: .nan}\nracks: 2", 6, "sensing.power_s"),
        ("racks: 2", "settling_s: .nan\nracks: 2", 6, "settling_s"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, field: str) -> None:
    assert old in GOOD
    with pytest.raises(FileInvalid) as refused:
        read_scenario(write(tmp_path, GOOD.replace(old, new)))
    assert refused.value.field.startswith(field)
    assert line <= refused.value.line <= line + 1


def test_no_such_scenario_says_which_there_are() -> None:
    with pytest.raises(ConfigurationError, match="s1"):
        read_scenario("s99")


def test_numbers_of_the_command_line_are_checked_too() -> None:
    assert changed(read_scenario("s1"), oversubscription=1.4, seconds=None).oversubscription == 1.4
    with pytest.raises(ConfigurationError, match=r"0\.5 to 4"):
        changed(read_scenario("s1"), oversubscription=9.0, seconds=None)
