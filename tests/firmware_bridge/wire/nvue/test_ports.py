"""NVLink ports out of NVUE documents: real spellings, firmware lines that differ, and nonsense."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.nvue.ports import MOST_PORTS, Port, PortMemory, port_summary, ports_of
from firmware_bridge.wire.nvue.values import count, ratio, speed_gbps, word
from firmware_bridge.wire.redfish.guard import DocumentMalformed, DocumentTooLarge

# Spelt as in the NVOS manual (`nv show interface acp21`) and NVIDIA's infra-controller.
MANUAL = {
    "acp21": {
        "type": "nvl",
        "link": {
            "state": {"up": {}},
            "physical-state": "LinkUp",
            "logical-state": "Active",
            "speed": "400G",
            "supported-speed": "400G",
            "diagnostics": {"0": {"status": "No issue was observed"}},
            "counters": {"in-symbol-errors": 7, "link-error-recovery": 3, "link-downed": 1},
            "phy-detail": {"raw-ber": "3E-9", "effective-ber": "15E-255", "symbol-ber": "15E-255"},
        },
    },
    "acp3": {
        "type": "nvl",
        "link": {"state": "down", "physical-state": "Polling", "diagnostics": {"2": {"status": "Negotiation failure"}}},
    },
    "eth0": {"type": "eth", "link": {"state": {"up": {}}}},
}


def read(document: dict[str, Any]) -> tuple[dict[str, Port], list[str]]:
    ports, notes = ports_of(document)
    return {p.name: p for p in ports}, [f"{n.uri} {n.property}: {n.what}" for n in notes]


def test_what_the_manual_shows_is_read() -> None:
    ports, notes = read(MANUAL)
    assert list(ports) == ["acp3", "acp21"]
    up, down = ports["acp21"], ports["acp3"]
    assert (up.up, up.speed_gbps, up.slow) == (True, 400.0, False)
    assert (up.ber_raw, up.ber, up.ber_symbol) == (3e-9, 0.0, 0.0)
    assert (up.symbol_errors, up.recoveries, up.downed, up.issues) == (7, 3, 1, ())
    assert (down.up, down.physical_state, down.issues) == (False, "Polling", (("2", "Negotiation failure"),))
    assert (down.recoveries, down.ber) == (None, None)
    assert notes == []


def test_a_later_firmware_line_nests_its_counters() -> None:
    link = {"state": {"up": {}}, "counters": {"link": {"error-recovery": 4, "downed": 2}, "nvl": {}}}
    port = read({"acp1": {"type": "nvl", "link": link}})[0]["acp1"]
    assert (port.recoveries, port.downed) == (4, 2)


def test_a_state_that_contradicts_the_physical_one_is_kept_and_noted() -> None:
    ports, notes = read({"acp1": {"type": "nvl", "link": {"state": {"up": {}}, "physical-state": "Polling"}}})
    assert ports["acp1"].up is True
    assert notes == ["/nvue_v1/interface/acp1 link/physical-state: Polling, while the state is up"]


def test_what_is_odd_is_noted_and_never_a_number() -> None:
    link = {
        "state": {"up": {}, "down": {}},
        "counters": {"link-error-recovery": "many", "link-downed": -1},
        "phy-detail": {"effective-ber": 2.5, "raw-ber": "N/A", "symbol-ber": []},
    }
    ports, notes = read({"acp1": {"type": "nvl", "link": link}, "acp2": [], "../x": {"type": "nvl"}})
    port = ports["acp1"]
    assert (port.up, port.recoveries, port.downed, port.ber, port.ber_raw, port.ber_symbol) == (None,) * 6
    assert set(ports) == {"acp1"}
    assert len(notes) == 7
    assert all(note.startswith("/nvue_v1/interface/") for note in notes)


def test_a_port_without_its_type_counts_when_its_physical_layer_shows() -> None:
    assert set(read({"acp1": {"link": {"physical-state": "LinkUp"}}, "lo": {"link": {"state": "up"}}})[0]) == {"acp1"}


def test_there_is_an_end_to_ports() -> None:
    ports, notes = read({f"acp{n}": {"type": "nvl"} for n in range(600)})
    assert len(ports) == MOST_PORTS
    assert "only 512 are read" in notes[-1]


def test_sums_say_unknown_rather_than_too_little() -> None:
    known = Port("a1", up=True, symbol_errors=5, downed=1, ber=1e-9, speed_gbps=200, supported_gbps=400)
    unknown = Port("a2")
    summed = port_summary([known, unknown])
    assert (summed["nvlinks"], summed["nvlinks_up"], summed["nvlinks_slow"]) == (2, 1, 1)
    assert (summed["symbol_errors"], summed["link_downed"], summed["bit_error_ratio"]) == (None, None, 1e-9)
    assert port_summary([unknown])["nvlinks_up"] is None
    assert port_summary([])["nvlinks_up"] is None


def test_values_are_taken_or_refused() -> None:
    assert [ratio(v) for v in ("15E-255", "3E-9", 0, "N/A", None, -1e-9, True, "1e999")] == [
        *(0.0, 3e-9, 0.0),
        *(None,) * 5,
    ]
    assert [count(v) for v in (3, "3", 3.0, 3.5, -1, "x", 2**60, True)] == [3, 3, 3, None, None, None, None, None]
    assert [speed_gbps(v) for v in ("400G", "200G,400G", "1X", None, 400)] == [400.0, 400.0, None, None, None]
    assert [word(v) for v in ({"up": {}}, "up", {}, {"a": 1, "b": 2}, 3)] == ["up", "up", "", "", ""]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_LINK = st.dictionaries(st.sampled_from(sorted(MANUAL["acp21"]["link"])), _JSON)  # type: ignore[call-overload]


@given(st.dictionaries(st.text(max_size=8) | st.just("acp1"), st.fixed_dictionaries({"link": _LINK | _JSON}) | _JSON))
def test_nothing_makes_it_fail(document: dict[str, Any]) -> None:
    ports, _ = ports_of(json.loads(json.dumps(document)))
    for port in ports:
        assert port.ber is None or 0.0 <= port.ber <= 1.0
        assert port.recoveries is None or port.recoveries >= 0
    port_summary(ports)


def test_an_answer_that_comes_again_is_the_same_list_and_only_what_changed_is_another_port() -> None:
    memory, document = PortMemory(), json.loads(json.dumps(MANUAL))
    first = memory.ports(json.dumps(document).encode(), 1 << 20, 32)
    assert first == ports_of(document)[0]
    assert memory.ports(json.dumps(document).encode(), 1 << 20, 32) is first
    document["acp3"]["link"]["state"] = "up"
    document["acp4"] = document["acp3"]
    del document["eth0"]
    again = memory.ports(json.dumps(document).encode(), 1 << 20, 32)
    assert again == ports_of(document)[0]
    assert [p.name for p in again] == ["acp3", "acp4", "acp21"]
    assert again[2] is first[1]
    del document["acp21"]
    assert [p.name for p in memory.ports(json.dumps(document).encode(), 1 << 20, 32)] == ["acp3", "acp4"]


@pytest.mark.parametrize("raw", [b"[]", b"7", b"{", b'{"acp1": }', b"", b"\xff"])
def test_what_is_no_object_is_malformed_as_ever(raw: bytes) -> None:
    with pytest.raises(DocumentMalformed):
        PortMemory().ports(raw, 1 << 20, 32)


def test_an_answer_keeps_its_caps_and_an_odd_entry_is_no_port() -> None:
    with pytest.raises(DocumentTooLarge):
        PortMemory().ports(json.dumps(MANUAL).encode(), 100, 32)
    with pytest.raises(DocumentTooLarge):
        PortMemory().ports(b'{"acp1": ' + b"[" * 40 + b"]" * 40 + b"}", 1 << 20, 32)
    assert PortMemory().ports(b'{"acp1": 7, "acp2": null, "acp3": {"type": "nvl"}}', 1 << 20, 32) == [Port("acp3")]


@given(st.dictionaries(st.text(max_size=8), _JSON))
def test_the_memory_reads_what_the_document_reads(document: dict[str, Any]) -> None:
    raw, memory = msgspec.json.encode(document), PortMemory()
    assert memory.ports(raw, 1 << 20, 64) == ports_of(msgspec.json.decode(raw))[0] == memory.ports(raw, 1 << 20, 64)
