"""CPU of one sweep over 360 TLS endpoints × 13 resources: our link against a raw client and against DMTF's library.

Figures: `cpu_vs_raw` (bar 1.8), `cpu_vs_dmtf` (bar 1/12).  CPU of this process only; the far end is a child process.
Rounds interleave the clients, medians are compared, handshakes are left out by one sweep before the first round.
"""

import asyncio
import gc
import json
import random
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import redfish
import uvloop

from bench.sweep_raw import RawFleet
from firmware_bridge.drivers.redfish.link import RedfishLink
from firmware_bridge.drivers.redfish.trust import fetch_leaf
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.wire.redfish.documents import Decoder, Sensor

ORIGINS = 360
ROUNDS = 5
_THREADS = 32


class MetricValue(msgspec.Struct):
    """One line of a metric report."""

    MetricId: str = ""
    MetricProperty: str = ""
    MetricValue: Any = None
    Timestamp: Any = None


class MetricReport(msgspec.Struct):
    """A metric report."""

    Id: str = ""
    MetricValues: list[MetricValue] = []


def resources() -> list[tuple[str, Callable[[bytes], object]]]:
    """Return (path, typed decoder) of the 13 resources."""
    sensor = Decoder(Sensor)
    listed: list[tuple[str, Callable[[bytes], object]]] = [
        (f"/redfish/v1/Chassis/C/Sensors/S{n}", sensor) for n in range(12)
    ]
    return [*listed, ("/redfish/v1/TelemetryService/MetricReports/M", Decoder(MetricReport))]


def run(record: Callable[..., None]) -> None:
    """Measure and record both figures."""
    block = random.randint(16, 200)
    addresses = [f"127.{block}.{n // 36 + 1}.{n % 36 + 1}" for n in range(ORIGINS)]
    command = [sys.executable, "-m", "bench.sweep_server", json.dumps(addresses)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            told = json.loads(server.stdout.readline())
            samples = uvloop.run(_measure(addresses, told["port"], told["pem"]))
        finally:
            server.stdin.close()
    gets = ORIGINS * 13
    ours = statistics.median(samples["ours"])
    for other in ("raw", "dmtf"):
        theirs, n = statistics.median(samples[other]), len(samples[other])
        ratio, micro = ours / theirs, 1e6 / gets
        record(figure=f"cpu_vs_{other}", value=ratio, unit="ratio", baseline=1.0, ratio=ratio, n=n)
        record(
            figure=f"us_per_get_vs_{other}", value=ours * micro, unit="µs", baseline=theirs * micro, ratio=ratio, n=n
        )


async def _measure(addresses: Sequence[str], port: int, pem: str) -> dict[str, list[float]]:
    wanted = resources()
    raw = RawFleet(addresses, port)
    await raw.connect(pem)
    leaf = await fetch_leaf("sweep", addresses[0], port, 10.0)
    limits = RequestLimits(in_flight=1)
    links = [RedfishLink(f"sweep/{a}", a, port, leaf.pin, limits, leaf=leaf) for a in addresses]
    old = DmtfFleet(addresses, port)

    async def ours() -> None:
        await asyncio.gather(*(_one(link, wanted) for link in links))

    async def dmtf() -> None:
        await asyncio.to_thread(old.sweep, [uri for uri, _ in wanted])

    clients: dict[str, Callable[[], Any]] = {"raw": lambda: raw.sweep(wanted), "ours": ours, "dmtf": dmtf}
    samples: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(ROUNDS + 1):
        for name, sweep in clients.items():
            gc.collect()
            before = _cpu()
            await sweep()
            if number:  # the first sweep carries the handshakes
                samples[name].append(_cpu() - before)
    raw.close()
    old.close()
    for link in links:
        await link.close()
    return samples


async def _one(link: RedfishLink, wanted: Sequence[tuple[str, Callable[[bytes], object]]]) -> None:
    for uri, decode in wanted:
        await link.get_decoded(uri, decode)


class DmtfFleet:
    """DMTF's `redfish`, one client per origin in threads, `.dict` as its users read it.  Checks no certificate."""

    def __init__(self, addresses: Sequence[str], port: int) -> None:
        self._clients = [
            redfish.redfish_client(f"https://{a}:{port}", "u", "p", check_connectivity=False, max_retry=1)
            for a in addresses
        ]

    def sweep(self, uris: Sequence[str]) -> None:
        """Read every resource of every origin."""

        def one(client: Any) -> None:
            for uri in uris:
                _ = client.get(uri).dict

        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(one, self._clients))

    def close(self) -> None:
        """Drop every connection."""
        for client in self._clients:
            client._session.close()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
