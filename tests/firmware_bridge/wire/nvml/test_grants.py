"""A grant's message is a contract: golden.  If this fails, revert your change, not the file."""

from pathlib import Path

import pytest

from firmware_bridge.wire.nvml.grants import GpuGrant, Grant, decode_grant, encode_grant

GOLDEN = Path(__file__).parents[3] / "golden" / "grant_v1.json"
GRANT = Grant(1, 7, 42, "0011223344556677", 1234, 5.0, [GpuGrant(0, 812.0, 700.0), GpuGrant(1, 1200.0, 1200.0)])


def test_it_is_written_as_it_always_was_and_read_back() -> None:
    assert encode_grant(GRANT) == GOLDEN.read_bytes().strip()
    assert decode_grant(GOLDEN.read_bytes()) == GRANT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"version":1', '"version":2'), "version 2"),
        (('"limit_w":812.0', '"limit_w":-812.0'), "limit_w"),
        (('"limit_w":812.0', '"limit_w":1e9'), "limit_w"),
        (('"standing_w":700.0', '"standing_w":NaN'), "JSON"),
        (('"valid_for_s":5.0', '"valid_for_s":3600.0'), "valid_for_s"),
        (('"gpu":1', '"gpu":0'), "twice"),
        (('"gpu":1', '"gpu":64'), "gpu"),
        (('"epoch":7', '"epoch":0'), "epoch"),
        (('"boot":"0011223344556677",', ""), "boot"),
    ],
)
def test_what_is_no_grant_is_refused_with_what_is_wrong(change: tuple[str, str], said: str) -> None:
    body = GOLDEN.read_text().replace(*change)
    assert body != GOLDEN.read_text()
    with pytest.raises(ValueError, match=said):
        decode_grant(body.encode())


def test_a_flood_of_bytes_is_not_looked_at() -> None:
    with pytest.raises(ValueError, match="bytes, at most"):
        decode_grant(b" " * 40_000)
