"""GETs from a process of their own, so that the readers' work is none of theirs: `python -m bench.sse_gets PORT TOKEN`.

The authority's certificate comes on standard input; prints milliseconds, one JSON list.
"""

import asyncio
import json
import ssl
import sys
import time

import uvloop

from bench.redfish_server import CHASSIS
from bench.sweep_raw import RawConnection

SECONDS = 16.0
EVERY = 1 / 40.37
"""Odd, so that a GET comes at every part of the second."""


async def main(port: int, token: str, pem: str) -> list[float]:
    """Return how long each took."""
    context = ssl.create_default_context(cadata=pem)
    _, link = await asyncio.get_running_loop().create_connection(RawConnection, "127.0.0.1", port, ssl=context)
    request = f"GET {CHASSIS} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-auth-token: {token}\r\n\r\n".encode()
    took: list[float] = []
    until = time.perf_counter() + SECONDS
    while (begun := time.perf_counter()) < until:
        assert (await link.get(request)).startswith(b"{")
        took.append((time.perf_counter() - begun) * 1_000)
        await asyncio.sleep(max(0.0, EVERY - (time.perf_counter() - begun)))
    return took


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main(int(sys.argv[1]), sys.argv[2], sys.stdin.read()))))
