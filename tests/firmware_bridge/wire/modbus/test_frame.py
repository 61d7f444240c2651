"""Frames against pymodbus' own framer, and what is no frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from firmware_bridge.wire.modbus.frame import (
    Refusal,
    crc16,
    expected_length,
    read_request,
    reply_file,
    reply_read,
    reply_refusal,
    reply_write,
)

PEER = FramerRTU(DecodePDU(is_server=True))
CLIENT = FramerRTU(DecodePDU(is_server=False))


@given(st.binary(max_size=60))
def test_the_crc_is_the_peers(data: bytes) -> None:
    assert crc16(data) == FramerRTU.compute_CRC(data).to_bytes(2, "big")


def test_requests_of_the_peer_are_understood() -> None:
    read = PEER.buildFrame(ReadHoldingRegistersRequest(address=0x9000, count=26, dev_id=0x0C))
    assert expected_length(read) == len(read)
    request = read_request(read)
    assert request is not None
    assert (request.unit, request.function, request.address, request.second) == (0x0C, 3, 0x9000, 26)
    many = PEER.buildFrame(WriteMultipleRegistersRequest(address=90, registers=[1, 2], dev_id=0x90))
    assert [expected_length(many[:n]) for n in (1, 6, 7)] == [None, None, len(many)]
    written = read_request(many)
    assert written is not None
    assert written.values == [1, 2]
    one = PEER.buildFrame(WriteSingleRegisterRequest(address=7, registers=[9], dev_id=3))
    single = read_request(one)
    assert single is not None
    assert (single.address, single.second) == (7, 9)


def test_replies_are_understood_by_the_peer() -> None:
    used, pdu = CLIENT.handleFrame(reply_read(5, [1, 0xFFFF]), 5, 0)
    assert isinstance(pdu, ReadHoldingRegistersResponse)
    assert pdu.registers == [1, 0xFFFF]
    refused = CLIENT.handleFrame(reply_refusal(5, 3, Refusal.ILLEGAL_ADDRESS), 5, 0)[1]
    assert refused is not None
    assert refused.isError()
    write = read_request(PEER.buildFrame(WriteMultipleRegistersRequest(address=90, registers=[1, 2], dev_id=5)))
    assert write is not None
    assert CLIENT.handleFrame(reply_write(write), 5, 0)[1] is not None
    assert CLIENT.handleFrame(reply_file(5, [b"\x00\x01"]), 5, 0)[1] is not None
    assert used


@pytest.mark.parametrize("spoilt", [b"", b"\x05", b"\x05\x03\x00\x00\x00\x01\x00\x00"])
def test_what_has_no_right_crc_is_no_request(spoilt: bytes) -> None:
    assert read_request(spoilt) is None


def test_an_unknown_function_has_no_length() -> None:
    assert expected_length(b"\x05\x2b") == 0
