"""The API as a process: TLS from its own authority, a taken port, a clean end with streams open."""

import asyncio
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from support.patience import PATIENCE
from support.play import stage, until
from support.running import RunningApi, running_api


async def test_it_serves_a_rack_over_verified_tls_and_ends_with_a_stream_open(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        with running_api(tmp_path, "--no-console") as api:
            (rack,) = scene.racks.values()
            deadline = time.monotonic() + 10 * PATIENCE
            while not (await asyncio.to_thread(api.health))["racks_live"]:
                assert time.monotonic() < deadline
                await scene.say(rack)
                await asyncio.sleep(0.1)
            reader, writer = await open_stream(api)
            assert b"200" in await reader.readline()
            await scene.say(rack)
            seen = await asyncio.wait_for(reader.readuntil(b"event: summary"), 5 * PATIENCE)
            assert b"text/event-stream" in seen
            begun = time.monotonic()
            api.process.send_signal(signal.SIGTERM)
            await until(lambda: api.process.poll() is not None, within=5)
            assert api.process.returncode == 0
            assert time.monotonic() - begun < 3
            writer.close()


async def open_stream(api: RunningApi) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context(cafile=str(api.state / "tls" / "ca.pem"))
    port = int(api.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="127.0.0.1")
    basic = "YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"
    request = f"GET /api/v1/racks/k01/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {basic}\r\n\r\n"
    writer.write(request.encode())
    return reader, writer


def test_a_taken_port_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "datacenter_api", "--state", str(tmp_path), "--listen", listen]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert listen in done.stderr
    assert "--listen" in done.stderr
    assert not (tmp_path / "accounts.db").exists(), "nothing is made before the port is ours"


def test_a_refused_websocket_has_its_answer_and_leaves_no_line_in_the_log(tmp_path: Path) -> None:
    with running_api(tmp_path, "--no-console") as api:
        context = ssl.create_default_context(cafile=str(api.state / "tls" / "ca.pem"))
        host, port = api.url.removeprefix("https://").split(":")
        request = (
            f"GET /console/_nicegui_ws/socket.io/ HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with context.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host) as link:
            link.settimeout(10)
            link.sendall(request.encode())
            answer = b""
            while part := link.recv(4096):
                answer += part
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"authentication_required" in answer
    assert "uvicorn" not in (tmp_path / "api.log").read_text()
