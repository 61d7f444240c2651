"""MQTT packets: what one side writes the other reads, whatever the pieces; what is too large is read over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.wire.mqtt import packets
from firmware_bridge.wire.mqtt.packets import MOST_BODY, Kind, Published, Reader

TOPICS = st.text("abcXYZ019_-/", min_size=1, max_size=60)


@given(st.lists(st.tuples(TOPICS, st.binary(max_size=400), st.booleans()), max_size=6), st.data())
def test_what_is_published_is_read_whatever_the_pieces(
    said: list[tuple[str, bytes, bool]], data: st.DataObject
) -> None:
    wire = b"".join(
        packets.publish(topic, payload, retained=retained, number=n + 1)
        for n, (topic, payload, retained) in enumerate(said)
    )
    reader, found = Reader(), []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        found += reader.feed(wire[:size])
        wire = wire[size:]
    assert [packets.published(p)[:4] for p in found] == [(t, b, r, n + 1) for n, (t, b, r) in enumerate(said)]


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, MOST_BODY - 20])
def test_every_length_is_said_and_read(size: int) -> None:
    (packet,) = Reader().feed(packets.publish("a", b"x" * size, retained=False, number=None))
    assert packets.published(packet) == Published("a", b"x" * size, False, None, size)
    assert packets.published(packet).whole


def test_what_is_too_large_is_read_over_and_what_follows_is_heard() -> None:
    wire = packets.publish("big/one", b"x" * 500_000, retained=True, number=7)
    wire += packets.publish("small", b"1", retained=False, number=None)
    reader, found = Reader(), []
    for at in range(0, len(wire), 10_000):
        found += reader.feed(wire[at : at + 10_000])
        assert len(reader._held) <= MOST_BODY + 10_000
    big, small = (packets.published(p) for p in found)
    assert (big.topic, big.number, big.size, big.whole) == ("big/one", 7, 500_000, False)
    assert (small.topic, small.payload) == ("small", b"1")


@pytest.mark.parametrize("topic", ["", "a/+/b", "a/#", "a/*/b", "a/>", "a b", "a\x00b", "x" * 70_000])
def test_what_is_no_topic_is_not_published_on(topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        packets.publish(topic, b"", retained=False, number=None)


@pytest.mark.parametrize(
    ("wire", "what"),
    [
        (b"\x30\xff\xff\xff\xff\x01", "four bytes"),
        (b"\x30\x01\x00", "without its number"),
        (b"\x30\x04\x00\x09ab", "cut off"),
        (b"\x30\x04\x00\x02\xff\xfe", "UTF-8"),
        (b"\x34\x05\x00\x01a\x00\x01", "QoS 2"),
    ],
)
def test_what_breaks_the_protocol_is_said(wire: bytes, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        [packets.published(p) for p in Reader().feed(wire)]


@given(st.binary(max_size=200))
def test_noise_never_does_worse_than_a_value_error(noise: bytes) -> None:
    try:
        for packet in Reader().feed(noise):
            if packet.kind == Kind.PUBLISH:
                packets.published(packet)
    except ValueError:
        pass
