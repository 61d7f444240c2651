"""`limits.yaml`: every shipped one reads, and a wrong one is refused with file and line."""

from pathlib import Path

import pytest

from firmware_bridge.generations.limit_layers import read_limit_layers
from firmware_bridge.generations.load import generation_folders, load_generation
from firmware_bridge.vocabulary.errors import FileInvalid

RIGHT = """\
schema_version: 1
module: {name: superchip, gpus: 2, others_w: 300, most_w: 2700, peak_w: 3240}
tray: {most_w: 6600, others_w: 1200}
profiles:
  - {name: max-q, title: Most per watt, share: 0.85}
  - {name: max-p, title: Most, share: 1.0}
smoothing: {least: 0.2, most: 0.9}
facts:
  module: {source: data sheet, confirmed: true}
"""


@pytest.mark.parametrize("name", sorted(generation_folders()))
def test_every_shipped_generation_states_layers_that_its_gpus_fit_under(name: str) -> None:
    generation = load_generation(name)
    layers = generation.layers
    assert layers is not None
    assert layers.module is not None
    assert layers.smoothing is not None
    assert layers.profile("max-q") is not None
    (tray,) = {slot.tray.name: slot.tray for slot in generation.slots if slot.tray.component("gpu")}.values()
    gpu = tray.component("gpu")
    assert gpu is not None
    assert gpu.limit_default is not None
    assert layers.module.gpus * gpu.limit_default + layers.module.others_w <= layers.module.most_w
    assert all(fact.source for fact in layers.facts.values())


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("others_w: 300, most_w: 2700", "others_w: 2700, most_w: 2700", 2, "nothing would be left to its GPUs"),
        ("peak_w: 3240", "peak_w: 100", 2, "at least most_w"),
        ("gpus: 2", "gpus: 0", 2, "module.gpus"),
        ("most_w: 6600", "most_w: -1", 3, "tray.most_w"),
        ("name: max-p", "name: max-q", 6, "expected each profile once"),
        ("share: 0.85", "share: 1.5", 5, "profiles[0].share"),
        ("least: 0.2", "least: 0.95", 7, "at most 0.9"),
        ("smoothing:", "smoothness:", 1, "smoothness"),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    (tmp_path / "limits.yaml").write_text(RIGHT)
    assert read_limit_layers(tmp_path) is not None
    (tmp_path / "limits.yaml").write_text(RIGHT.replace(old, new, 1))
    with pytest.raises(FileInvalid) as refused:
        read_limit_layers(tmp_path)
    assert f"limits.yaml:{line}" in str(refused.value)
    assert said in str(refused.value)


def test_a_generation_without_the_file_states_none(tmp_path: Path) -> None:
    assert read_limit_layers(tmp_path) is None


def test_a_generation_that_extends_another_has_its_layers_until_it_states_its_own(tmp_path: Path) -> None:
    child = tmp_path / "child"
    child.mkdir()
    (child / "rack.yaml").write_text("schema_version: 1\nextends: gb300-nvl72\nname: child\n")
    (child / "sequence.yaml").write_text("extends: gb200-nvl72\n")
    assert load_generation("child", [tmp_path]).layers == load_generation("gb300-nvl72").layers
    (child / "limits.yaml").write_text(RIGHT)
    own = load_generation("child", [tmp_path]).layers
    assert own is not None
    assert own.module is not None
    assert own.module.most_w == 2700
