"""NVLink 5 faults out of the driver's lines, and the rules that fit them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.xid_catalogue import load_xids
from firmware_bridge.wire.nvml.nvlink5 import LinkFault, parse_fault

FACTS = Path(__file__).parents[5] / "shared" / "data" / "nvml" / "xid_catalog.json"
XIDS = load_xids()
_NOW = {"IGNORE": "nothing", "RESET_GPU": "reset_gpu", "XID_154_EVAL": "follow_recovery_action"}
_THEN = {
    "IGNORE": "nothing",
    "CONTACT_SUPPORT": "support",
    "CHECK_NVLINK_FAILURE_FLOW": "nvlink_workflow",
    "INVESTIGATE_PEER_DEVICE": "check_far_end",
    "INVESTIGATE_LINK_SI": "check_signal",
    "INVESTIGATE_LINK_SI_AND_CABLES": "check_link",
    "INVESTIGATE_HOST": "check_host",
}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            "NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 08 (0x004505c6 0x00000000 0x0 0x0)",
            LinkFault("NETIR_LINK_EVT", 8, 4, 0),
        ),
        ("pid=4, name=<unknown>, RLW_REMAP Nonfatal XC0 i1 Link 00 (0x00000004 0x80000001)",
         LinkFault("RLW_REMAP", 0, 0, 0x80000001)),
        ("NETIR_LINK_EVT Fatal XC 1 i 2 Link 01 [0x0000000a]", LinkFault("NETIR_LINK_EVT", 1, 0, None)),
        ("NVLPW_CTRL Non-fatal XC0 i0 Link -1", LinkFault("NVLPW_CTRL", None, None, None)),
        ("GPU recovery action changed from 0x0 (None) to 0x4 (Drain and Reset)", None),
        ("Fatal XC0 i0 Link 08", None),
    ],
)  # fmt: skip
def test_a_line_says_unit_link_sub_code_and_status(line: str, fault: LinkFault | None) -> None:
    assert parse_fault(line) == fault


@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    parse_fault(text)
    parse_fault(f"TREX Fatal XC0 i0 Link 1 ({text}")


def test_of_several_causes_the_gravest_counts_and_one_unknown_spoils_it() -> None:
    def now(status: int) -> str:
        found = XIDS.about_fault(144, LinkFault("SAW_MVB", 3, 0, status))
        return found[1].now if found is not None else "unknown"

    assert [now(s) for s in (1, 2, 1 | 2, 4 | 16, 64, 1 | 64, 0)] == [
        *("nothing", "reset_gpu", "reset_gpu", "reset_gpu", "unknown", "unknown", "unknown")
    ]


def test_a_status_that_is_a_number_fits_whole_or_not_at_all() -> None:
    def rule(status: int | None) -> bool:
        return XIDS.about_fault(149, LinkFault("NETIR_BER_EVENT", 3, 0, status)) is not None

    assert [rule(s) for s in (0, 3, 4, None)] == [True, True, False, False]
    assert XIDS.about_fault(148, LinkFault("NETIR_BER_EVENT", 3, 0, 0)) is None


def test_every_rule_of_the_makers_catalogue_is_ours() -> None:
    if not FACTS.exists():
        pytest.skip("shared/data is not here")
    for fact in json.loads(FACTS.read_text())["nvlink5_rules"]:
        sub_code = int(fact["intrinfoPatternV1"][6:12], 2)
        for name in fact["unit"].split("/"):
            found = XIDS.about_fault(fact["xid"], LinkFault(name, 1, sub_code, fact["errorStatus"]))
            assert found is not None, fact
            assert found[1].now == _NOW[fact["resolution"]], fact
            assert found[1].then == _THEN.get(fact["investigatory"], found[1].then) or "action2" in fact, fact
            assert (found[1].severity == "critical") == ("Fatal" in fact["severity"]), fact
