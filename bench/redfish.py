"""The Redfish service against a bare server: how many times a second a chassis is answered, how long a rack takes.

Figures: `chassis_vs_raw` (bar 0.3: our rate over the bare server's, both over TLS with a token, same bytes) and
`expand_ms` (bar 100: `$expand=*($levels=2)` of a full rack).  Rounds interleave the two servers; medians.
"""

import asyncio
import json
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import uvloop

from bench.redfish_server import CHASSIS
from bench.sweep_raw import RawConnection

CONNECTIONS = 8
ROUND_S = 1.0
ROUNDS = 5
EXPANDED = "/redfish/v1/Chassis/k01?$expand=*($levels=2)"


def run(record: Callable[..., None]) -> None:
    """Measure and record both figures."""
    command = [sys.executable, "-m", "bench.redfish_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as far:
        assert far.stdout is not None
        assert far.stdin is not None
        told = json.loads(far.stdout.readline())
        ours, raw, expand = uvloop.run(_measure(told))
        far.stdin.close()
    value, baseline = statistics.median(ours), statistics.median(raw)
    ratio = value / baseline
    record(figure="chassis_vs_raw", value=ratio, unit="ratio", baseline=1.0, ratio=ratio, n=len(ours))
    record(figure="chassis_per_s", value=value, unit="1/s", baseline=baseline, ratio=ratio, n=len(ours))
    record(figure="expand_ms", value=statistics.median(expand), unit="ms", baseline=None, ratio=None, n=len(expand))


async def _measure(told: dict[str, str]) -> tuple[list[float], list[float], list[float]]:
    context = ssl.create_default_context(cadata=told["pem"])
    connections = {
        side: [await _connect(int(told[side]), context) for _ in range(CONNECTIONS)] for side in ("ours", "raw")
    }
    rates: dict[str, list[float]] = {"ours": [], "raw": []}
    for _ in range(ROUNDS):
        for side, seen in rates.items():
            seen.append(await _rate(connections[side], _request(CHASSIS, told["token"])))
    expand = []
    for _ in range(2 * ROUNDS):
        begun = time.perf_counter()
        body = await connections["ours"][0].get(_request(EXPANDED, told["token"]))
        expand.append((time.perf_counter() - begun) * 1_000)
        assert all("@odata.type" in inside["Sensors"] for inside in json.loads(body)["Links"]["Contains"])
        await asyncio.sleep(0.6)  # another second, another frame
    return rates["ours"], rates["raw"], expand


async def _connect(port: int, context: ssl.SSLContext) -> RawConnection:
    _, made = await asyncio.get_running_loop().create_connection(RawConnection, "127.0.0.1", port, ssl=context)
    return made


def _request(path: str, token: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-auth-token: {token}\r\n\r\n".encode()


async def _rate(connections: list[RawConnection], request: bytes) -> float:
    """Return answers a second over all connections, each with one request in flight."""
    until = time.perf_counter() + ROUND_S

    async def ask(connection: RawConnection) -> int:
        number = 0
        while time.perf_counter() < until:
            body = await connection.get(request)
            assert body.startswith(b"{")
            number += 1
        return number

    begun = time.perf_counter()
    return sum(await asyncio.gather(*map(ask, connections))) / (time.perf_counter() - begun)
