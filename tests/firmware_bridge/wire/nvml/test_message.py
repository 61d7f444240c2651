"""The agent's message is a contract: golden.  If this fails, revert your change, not the file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.nvml.message import (
    MOST_BYTES,
    AgentMessage,
    GpuReport,
    HostEvent,
    HostReport,
    decode_message,
    encode_message,
)

GOLDEN = Path(__file__).parents[3] / "golden" / "agent_v1.json"


def example() -> AgentMessage:
    lost = GpuReport(index=1, access="lost", reason="gpu_lost", bus_id="00000009:01:00.0", values={"gpu_access": 0})
    whole = GpuReport(
        index=0,
        uuid="GPU-1",
        serial="SN0",
        bus_id="00000008:01:00.0",
        name="Fake GPU",
        values={"power_average": 812.5, "energy_total": 9_007_199_254_740_993, "gpu_access": 1},
        failed={"temperature_memory": "not_supported"},
        age_s=0.02,
        slow_age_s=4.0,
        ages_s={"power_average": 1.02},
        limits_w={"default": 1000.0, "min": 400.0, "max": 1200.0},
        links_down=[3],
        fabric=["bandwidth_degraded"],
        cluster="5a" * 16,
        clique=7,
    )
    return AgentMessage(
        version=1,
        boot="0011223344556677",
        sequence=42,
        unix_ns=1_790_000_000_000_000_000,
        uptime_s=61.5,
        host=HostReport(driver="580.65.06", nvml="13.580.65", gpus=[whole, lost]),
        events=[HostEvent(id=3, unix_ns=1_789_999_999_500_000_000, kind="xid", gpu=1, number=79)],
        events_lost=1,
    )


def test_the_message_stays_as_it_is() -> None:
    assert encode_message(example()) == GOLDEN.read_bytes().strip()
    assert decode_message(GOLDEN.read_bytes()) == example()


def test_a_newer_agent_may_say_more() -> None:
    body = GOLDEN.read_bytes().replace(b'"sequence":42', b'"sequence":42,"weather":"fine"')
    assert decode_message(body) == example()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"version":2}', b'{"version":1}', b"\xff", b" " * (MOST_BYTES + 1)]
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's own texts
        decode_message(body)


def test_too_many_gpus_are_refused() -> None:
    crowd = AgentMessage(1, "b", 1, 0, 0.0, HostReport(gpus=[GpuReport(index=n) for n in range(65)]))
    with pytest.raises(ValueError, match="65 GPUs"):
        decode_message(encode_message(crowd))


@given(st.binary(max_size=200), st.integers(0, 500))
def test_damage_is_refused_or_read_never_a_crash(noise: bytes, at: int) -> None:
    body = bytearray(encode_message(example()))
    body[at : at + len(noise)] = noise
    try:
        decode_message(bytes(body))
    except ValueError:
        return
