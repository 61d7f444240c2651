"""The XID catalogue: what a number means and what to do."""

import json
from pathlib import Path

import pytest

from firmware_bridge.generations.xid_catalogue import load_xids
from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.wire.nvml.xids import parse_xids

FACTS = Path(__file__).parents[5] / "shared" / "data" / "nvml" / "xid_catalog.json"
HEAD = "kind: xid_catalogue\nschema_version: 1\nactions: {look: 'look at it'}\n"
ENTRY = "{numbers: [1], name: a, severity: ok, means: bad}"
_SAME = {
    "IGNORE": "nothing",
    "RESTART_APP": "restart_application",
    "RESET_GPU": "reset_gpu",
    "RESTART_BM": "restart_node",
    "RESTART_VM": "restart_virtual_machine",
    "WORKFLOW_NVLINK5_ERR": "nvlink_workflow",
}


def test_an_entry_says_meaning_gravity_and_what_to_do() -> None:
    xids = load_xids()
    entry = xids.about(79)
    assert entry is not None
    assert (entry.name, entry.severity) == ("fallen_off_the_bus", "critical")
    assert xids.advice(entry).startswith("drain the node and restart it")
    assert xids.about(4000) is None


def test_what_is_to_be_done_at_once_is_what_the_maker_says() -> None:
    if not FACTS.exists():
        pytest.skip("shared/data is not here")
    xids, wrong = load_xids(), []
    for fact in json.loads(FACTS.read_text())["catalog"]:
        entry = xids.about(fact["code"])
        if fact["description"].startswith("Unused"):
            continue
        if entry is None or (fact["immediate"] in _SAME and entry.now != _SAME[fact["immediate"]]):
            wrong.append((fact["code"], fact["immediate"], entry and entry.now))
        if entry is not None and entry.now == "reset_gpu":
            assert entry.severity == "critical", fact["code"]
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("xids: [{numbers: [1], name: a, severity: grave, means: bad}]", "severity"),
        ("xids: [{numbers: [1], name: a, severity: ok, means: bad, now: jump}]", "expected one of look"),
        ("xids: [{numbers: [], name: a, severity: ok, means: bad}]", "numbers"),
        (f"xids: [{ENTRY}, {ENTRY}]", "one entry"),
    ],
)
def test_a_wrong_file_is_pointed_at(line: str, said: str) -> None:
    with pytest.raises(FileInvalid, match=said) as refused:
        parse_xids(HEAD + line, "xids.yaml")
    assert str(refused.value).startswith("xids.yaml:")
