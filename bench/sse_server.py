"""The far side of the `sse` bench: the whole API with one full rack that hears a frame and an event a second.

Prints one JSON line: port, token, how to log in, where the authority's certificate is.  Every line on standard input
is answered with the process's CPU seconds and resident KiB; an empty one begins or ends the events.
"""

import asyncio
import datetime
import json
import os
import resource
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from bench import metrics
from datacenter_api.app import build_app
from datacenter_api.auth.accounts import FIRST_ADMIN, ensure_admin
from datacenter_api.auth.authority import ensure_certificates
from datacenter_api.http_protocol import HttpProtocol
from firmware_bridge.long_running import begin, settled
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.event import Event, Severity

PASSWORD = "a password for a bench"
PLAIN = "--plain" in sys.argv


async def main() -> None:
    """Serve until standard input closes."""
    begin()  # as the API does: it is its pauses that are measured
    resource.setrlimit(resource.RLIMIT_NOFILE, (4_096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        os.environ["RACKWRIGHT_ADMIN_PASSWORD"] = PASSWORD
        os.environ["NICEGUI_STORAGE_PATH"] = str(state / "nicegui")
        ensure_admin(state)
        files = ensure_certificates(state / "tls", ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
        gate, services = build_app(state)
        rack = metrics._rack(1)
        services.fleet._records["k01"] = rack
        services.events.add(event(0))
        token, _ = services.sessions.open(FIRST_ADMIN, "bench")
        gate.redfish.open()  # type: ignore[union-attr]
        settled()  # as the API does before it serves
        tls: dict[str, Any] = {} if PLAIN else {"ssl_certfile": str(files.certificate), "ssl_keyfile": str(files.key)}
        config = uvicorn.Config(
            gate,
            http=HttpProtocol,
            host="127.0.0.1",
            port=0,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            **tls,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        told = {"port": port, "token": token, "pem": (state / "tls" / "ca.pem").read_text(), "ssl": ssl.OPENSSL_VERSION}
        print(json.dumps(told), flush=True)
        ticking = asyncio.create_task(tick(rack, services))
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps({"cpu_s": time.process_time(), "kib": resident_kib()}), flush=True)
        ticking.cancel()
        server.should_exit = True
        await serving


def event(number: int) -> Event:
    """Return a rack's event as its controller tells it."""
    at = "bench/a/r01/k01/u12/leak1"
    text = "leak detector LeakDetector_1 of tray u12 reports a leak"
    return Event(f"{number:08d}-k01", time.time_ns(), at, "leak.critical", Severity.CRITICAL, text)


async def tick(rack: Any, services: Any) -> None:
    """Say a frame and an event a second, as a controller does."""
    for number in range(1, 100_000):
        metrics._tick(rack, number)
        rack.received = Seconds(time.monotonic())
        told = event(number)
        services.events.add(told)
        services.bus.on_event(told)
        await asyncio.sleep(1.0)


def resident_kib() -> int:
    """Return the resident memory of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


if __name__ == "__main__":
    uvloop.run(main())
