"""A recorded tree that cannot be served is refused with file and place, before anything listens."""

import json
from pathlib import Path

import pytest

from firmware_bridge.emulator.__main__ import main
from firmware_bridge.emulator.recorded import RecordedTree, read_tree
from firmware_bridge.vocabulary.errors import FileInvalid

ROOT = "/redfish/v1"
CHASSIS = f"{ROOT}/Chassis/A"


def written(folder: Path, text: str) -> Path:
    path = folder / "tree.json"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("value", "reason"),
    [("1267650600228229401496703205376", "64-bit"), ('"\\ud800"', "surrogate"), ("[" * 300 + "]" * 300, "ecursion")],
)
def test_what_cannot_be_served_is_named_by_file_line_and_place(tmp_path: Path, value: str, reason: str) -> None:
    text = f'{{\n"{ROOT}": {{}},\n"{CHASSIS}": {{"Oem": [{{}}, {{"Big": {value}}}]}}\n}}'
    with pytest.raises(FileInvalid) as refused:
        read_tree(written(tmp_path, text))
    assert (refused.value.file, refused.value.line) == (str(tmp_path / "tree.json"), 3)
    assert refused.value.field.startswith(f"{CHASSIS}#/Oem/1/Big")
    assert reason in refused.value.expected


@pytest.mark.parametrize("text", ['{"/redfish/v1": {"Reading": NaN}}', "[" * 100_000, '{"/redfish/v1": 1}', "{"])
def test_what_is_no_tree_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileInvalid):
        read_tree(written(tmp_path, text))


def test_the_emulator_says_it_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = written(tmp_path, json.dumps({ROOT: {"Big": 2**100}}))
    assert main(["--state", str(tmp_path / "state"), "--capture", str(tree)]) == 2
    assert f"{tree}:1: {ROOT}#/Big" in capsys.readouterr().err


def test_the_largest_numbers_that_json_readers_share_are_served(tmp_path: Path) -> None:
    tree = read_tree(written(tmp_path, json.dumps({ROOT: {"A": 2**63 - 1, "B": -(2**63)}})))
    found = RecordedTree(tree).get(ROOT, None)
    assert found is not None
    assert found.body == tree[ROOT]
