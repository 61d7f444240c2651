"""A coolant unit without a stream pushes its leak to who subscribed, tries again, and never leaves loopback."""

import asyncio
import json
from pathlib import Path

from support.https_client import fetch

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import running_emulator
from firmware_bridge.redfish_service.event_hub import SUBSCRIPTIONS, Subscription


async def test_a_leak_is_pushed_and_a_refusal_is_tried_again(tmp_path: Path) -> None:
    got: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
    refusals = 1

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal refusals
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(next(line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"Content-Length")))
        body = await reader.readexactly(length)
        answer, refusals = (b"503 Busy", 0) if refusals else (b"204 No Content", 0)
        writer.write(b"HTTP/1.1 " + answer + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        got.put_nowait((head, body))

    listener = await asyncio.start_server(take, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with running_emulator(tmp_path, "gb200-nvl72", speed=0) as emulator:
        cdu = emulator.endpoint("u01/bmc")
        assert cdu.credential is not None
        who = emulator.vault.fetch(cdu.credential)
        wanted = {"Destination": f"http://127.0.0.1:{port}/events?k=1", "Protocol": "Redfish", "Context": "mine"}
        wanted |= {"HttpHeaders": [{"X-Key": "k"}]}
        made = await fetch(cdu.url + SUBSCRIPTIONS, method="POST", auth=(who.user, who.secret), body=wanted)
        assert made.status == 201
        emulator.hall.faults.set([Fault(FaultKind.LEAK, where="*/u01/leak0")])
        emulator.hall.advance(0.1)
        async with asyncio.timeout(20):
            (head, body), again = await got.get(), await got.get()
        assert again[1] == body
        assert head.startswith(b"POST /events?k=1 HTTP/1.1\r\n")
        assert b"X-Key: k\r\n" in head
        event = json.loads(body)
        assert event["Context"] == "mine"
        assert event["Events"][0]["MessageId"].endswith("LeakDetectedCritical")
        emulator.hall.delivery.send(Subscription("9", "http://192.0.2.1/x"), b"{}")
        assert emulator.hall.delivery.lost == 1
    listener.close()
