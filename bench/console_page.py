"""Console pages held open as a browser holds them: the page, then its socket with NiceGUI's handshake.  No browser."""

import asyncio
import contextlib
import re
import secrets
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import websockets

PAGE = "/console/rack/k01"
_CLIENT = re.compile(r'client_id[\\"\']+: ?[\\"\']+([0-9a-f-]{36})')


@contextlib.asynccontextmanager
async def console_pages(port: int, context: ssl.SSLContext | None, password: str, number: int) -> AsyncIterator[int]:
    """Hold `number` pages of a rack open; yields how many bytes of page there were."""
    async with contextlib.AsyncExitStack() as stack:
        size = 0
        for _ in range(number):
            size += await _hold(stack, port, context, password)
        yield size


async def _hold(stack: contextlib.AsyncExitStack, port: int, context: ssl.SSLContext | None, password: str) -> int:
    origin = f"{'https' if context else 'http'}://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=origin, verify=context or False, timeout=20) as client:
        login = {"user": "admin", "password": password, "next": PAGE}
        done = await client.post("/login", data=login, headers={"origin": origin})
        page = await client.get(PAGE)
        assert page.status_code == 200, (done.status_code, page.status_code, page.text[:300])
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    found = _CLIENT.search(page.text)
    assert found is not None, page.text[:2000]
    query = {
        "EIO": "4",
        "transport": "websocket",
        "client_id": found[1],
        "tab_id": secrets.token_hex(8),
        "document_id": secrets.token_hex(8),
        "next_message_id": "0",
        "implicit_handshake": "true",
    }
    at = f"{origin.replace('http', 'ws', 1)}/console/_nicegui_ws/socket.io/?{urlencode(query)}"
    headers = {"cookie": cookie, "origin": origin}
    socket = await stack.enter_async_context(websockets.connect(at, ssl=context, additional_headers=headers))
    assert str(await socket.recv()).startswith("0")
    await socket.send("40")
    reading = asyncio.create_task(_read(socket))
    stack.callback(reading.cancel)
    return len(page.content)


async def _read(socket: websockets.ClientConnection) -> None:
    """Answer pings, as a browser does; read everything else."""
    async for message in socket:
        if message == "2":
            await socket.send("3")
