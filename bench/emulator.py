"""What the emulator costs by itself: a hundred racks in one process, all endpoints connected, events from a tenth.

Figures: `mib_3600_endpoints` (bar 900 MiB), `start_s_3600` with certificates still to be made, `restart_s_3600` with
them kept, `cores_standing` for physics alone at speed 1, and `ms_per_read` of CPU of a GPU's document over a kept
connection.
"""

import asyncio
import json
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware_bridge.credentials.vault import Vault
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.vocabulary.site import SiteEndpoint

RACKS = "gb200-nvl72*100"
AT_ONCE = 64
MEASURE_SECONDS = 5.0
READS = 3000
SSE = "/redfish/v1/EventService/SSE"
SESSIONS = "/redfish/v1/SessionService/Sessions"
GPU = "/redfish/v1/Systems/HGX_Baseboard_0/Processors/GPU_0/EnvironmentMetrics"
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Running:
    """An emulator's process, and how long it took to be ready."""

    pid: int
    seconds: float

    def mib(self) -> float:
        """Return its resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE / 2**20

    def cpu_seconds(self) -> float:
        """Return the CPU time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def started(state: Path, racks: str) -> Iterator[Running]:
    """Run an emulator on a state directory until the block ends."""
    began = time.monotonic()
    argv = [sys.executable, "-m", "firmware_bridge.emulator", "--state", str(state), "--racks", racks]
    with subprocess.Popen([*argv, "--die-with-parent"], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            json.loads(process.stdout.readline())
            yield Running(process.pid, time.monotonic() - began)
        finally:
            process.terminate()


def run(record: Callable[..., None]) -> None:
    """Start it twice, connect to everything and weigh it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="rackwright-bench-") as folder:
        state = Path(folder)
        with started(state, RACKS) as first:
            endpoints = [e for e in read_site(state / "site.yaml").endpoints if e.address is not None]
            record(figure="start_s_3600", value=first.seconds, unit="s", n=len(endpoints))
            record(figure="mib_at_start", value=first.mib(), unit="MiB", n=len(endpoints))
            before = first.cpu_seconds()
            time.sleep(MEASURE_SECONDS)
            cores = (first.cpu_seconds() - before) / MEASURE_SECONDS
            record(figure="cores_standing", value=cores, unit="cores", n=len(endpoints))
            asyncio.run(_weighed(first, state, endpoints, record))
        with started(state, RACKS) as second:
            record(figure="restart_s_3600", value=second.seconds, unit="s", n=len(endpoints))


async def _weighed(emulator: Running, state: Path, endpoints: list[SiteEndpoint], record: Callable[..., None]) -> None:
    vault, gate = Vault(state / "credentials"), asyncio.Semaphore(AT_ONCE)
    credentials = {name: vault.fetch(name) for name in vault.names()}
    kept: list[Any] = []

    async def connect(number: int, endpoint: SiteEndpoint) -> None:
        who = credentials[endpoint.credential or ""]
        async with gate:
            connection = await _Connection.open(endpoint)
            if endpoint.place.endswith(("/bmc", "/pmc")):
                await connection.login(who.user, who.secret)
                await connection.get("/redfish/v1/Chassis")
                if number % 10 == 0:
                    connection.begin(SSE)
        kept.append(connection)

    await asyncio.gather(*(connect(n, e) for n, e in enumerate(endpoints)))
    record(figure="mib_3600_endpoints", value=emulator.mib(), unit="MiB", n=len(kept))
    tray = next(e for e in endpoints if e.place.endswith("u11/bmc"))
    who = credentials[tray.credential or ""]
    reader = await _Connection.open(tray)
    await reader.login(who.user, who.secret)
    before = emulator.cpu_seconds()
    for _ in range(READS):
        await reader.get(GPU)
    record(figure="ms_per_read", value=(emulator.cpu_seconds() - before) / READS * 1000, unit="ms", n=READS)


class _Connection:
    """One kept TLS connection and the token of its login."""

    _context: ssl.SSLContext | None = None

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._token = reader, writer, ""

    @classmethod
    async def open(cls, endpoint: SiteEndpoint) -> "_Connection":
        if cls._context is None:
            cls._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            cls._context.check_hostname, cls._context.verify_mode = False, ssl.CERT_NONE
        made = await asyncio.open_connection(endpoint.address, endpoint.port, ssl=cls._context)
        return cls(*made)

    async def login(self, user: str, password: str) -> None:
        body = json.dumps({"UserName": user, "Password": password}).encode()
        headers = await self._ask("POST", SESSIONS, body)
        self._token = headers["x-auth-token"]

    async def get(self, uri: str) -> None:
        await self._ask("GET", uri, b"")

    def begin(self, uri: str) -> None:
        self._send("GET", uri, b"")

    def _send(self, method: str, uri: str, body: bytes) -> None:
        token = f"x-auth-token: {self._token}\r\n" if self._token else ""
        head = f"{method} {uri} HTTP/1.1\r\nhost: bmc\r\n{token}content-type: application/json\r\n"
        self._writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)

    async def _ask(self, method: str, uri: str, body: bytes) -> dict[str, str]:
        self._send(method, uri, body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
        await self._reader.readexactly(int(headers.get("content-length", 0)))
        assert head[0].split()[1] in ("200", "201"), head[0]
        return headers
