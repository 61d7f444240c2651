"""A client's MQTT connection without its socket: login, grants, acknowledgements, and what breaks the protocol."""

import pytest

from firmware_bridge.wire.mqtt import packets
from firmware_bridge.wire.mqtt.packets import Published, Reader
from firmware_bridge.wire.mqtt.session import Alive, Denied, Granted, Session, Taken, Welcome

WELCOME = b"\x20\x02\x00\x00"


def opened() -> Session:
    session = Session("c1", "bms", "secret")
    session.log_in()
    session.take_bytes()
    assert session.feed(WELCOME) == [Welcome()]
    return session


def test_a_login_says_who_and_never_shows_the_password() -> None:
    session = Session("c1", "bms", "secret")
    session.log_in()
    assert b"secret" in session.take_bytes()
    assert session.take_bytes() == b""
    assert "secret" not in repr(session)


@pytest.mark.parametrize(("code", "why"), [(4, "password"), (5, "may not"), (77, "77")])
def test_a_refused_login_says_why(code: int, why: str) -> None:
    session = Session("c1", "bms", "guess")
    (denied,) = session.feed(bytes([0x20, 2, 0, code]))
    assert isinstance(denied, Denied)
    assert why in denied.why
    assert not session.open


def test_filters_that_are_not_granted_are_named() -> None:
    session = opened()
    session.subscribe(["BMS/v1/PUB/#", "rw/#"])
    number = packets.numbered(packets.Packet(8, 2, session.take_bytes()[2:], 0))
    assert session.feed(bytes([0x90, 4, 0, number, 1, 0x80])) == [Granted(("rw/#",))]


def test_what_comes_at_qos_1_is_acknowledged_and_what_was_said_is_taken() -> None:
    session = opened()
    assert session.feed(packets.publish("t", b"1", retained=True, number=9)) == [Published("t", b"1", True, 9, 1)]
    assert session.take_bytes() == packets.puback(9)
    number = session.publish("t", b"2", retained=True)
    assert [packets.published(p).number for p in Reader().feed(session.take_bytes())] == [number]
    assert session.feed(packets.puback(number)) == [Taken(number)]
    assert session.feed(b"\xd0\x00") == [Alive()]


def test_numbers_under_way_are_not_given_twice() -> None:
    session = opened()
    first = session.publish("t", b"", retained=False)
    numbers = [session.publish("t", b"", retained=False) for _ in range(65_534)]
    for number in numbers:
        session.feed(packets.puback(number))
    assert first not in [session.publish("t", b"", retained=False) for _ in range(65_534)]


@pytest.mark.parametrize("wire", [b"\x40\x02\x00\x01", b"\x20\x01\x00"])
def test_an_answer_out_of_order_breaks_the_protocol(wire: bytes) -> None:
    with pytest.raises(ValueError, match=r"before|without"):
        Session("c1", "bms", "secret").feed(wire)


def test_a_packet_that_no_client_is_sent_breaks_the_protocol() -> None:
    with pytest.raises(ValueError, match="type 8"):
        opened().feed(b"\x82\x02\x00\x01")
