"""First contact: the certificate is looked at, and nothing is said."""

import asyncio
import datetime
from typing import Any

import pytest

from firmware_bridge.drivers.redfish.trust import check_leaf, fetch_leaf
from firmware_bridge.vocabulary.errors import EndpointUnreachable, TrustRefused


async def test_the_certificate_is_fetched_without_a_request(peers: Any) -> None:
    async with peers(b"") as peer:
        leaf = await fetch_leaf("t/bmc", "127.0.0.1", peer.port, 5.0)
        assert leaf == peer.leaf
        assert leaf.pin.startswith("sha256//")
        assert leaf.subject == "CN=bmc"
        assert not leaf.expired()
        assert leaf.expired(leaf.not_after + datetime.timedelta(seconds=1))
        assert peer.requests == []


async def test_an_expired_certificate_can_be_looked_at_and_is_refused(peers: Any) -> None:
    async with peers(b"", days=-1) as peer:
        leaf = await fetch_leaf("t/bmc", "127.0.0.1", peer.port, 5.0)
        with pytest.raises(TrustRefused, match="expired on"):
            check_leaf("t/bmc", leaf, leaf.pin)
        with pytest.raises(TrustRefused, match="expected"):
            check_leaf("t/bmc", leaf, "sha256//other")


async def test_who_does_not_speak_tls_is_unreachable_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(EndpointUnreachable):
            await fetch_leaf("t/bmc", "127.0.0.1", port, 0.2)
