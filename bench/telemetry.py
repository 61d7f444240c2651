"""Ten racks live: cores used by controller and API together, and how often each endpoint is asked."""

import statistics
import time
from collections.abc import Callable

from bench.product import Product, running_product
from firmware_bridge.emulator.control import EmulatorControl

RACKS = 10
ENDPOINTS = 36 * RACKS
ROUNDS = 5
ROUND_SECONDS = 12.0  # holds every class up to the slow one
SETTLE_SECONDS = 15.0


def run(record: Callable[..., None]) -> None:
    """Measure and record `cores_10_racks` (bar 0.7), `requests_per_endpoint_s` (at most 13) and `emulator_cores`."""
    cores, emulator, asked = [], [], []
    with running_product(f"gb200-nvl72*{RACKS}") as product:
        time.sleep(SETTLE_SECONDS)
        for _ in range(ROUNDS):
            began, before = time.monotonic(), _used(product)
            time.sleep(ROUND_SECONDS)
            took, after = time.monotonic() - began, _used(product)
            spent = [(b - a) / took for a, b in zip(before, after, strict=True)]
            cores.append(spent[0])
            emulator.append(spent[1])
            asked.append(spent[2] / ENDPOINTS)
    record(figure="cores_10_racks", value=statistics.median(cores), unit="cores", n=ROUNDS)
    record(figure="emulator_cores_10_racks", value=statistics.median(emulator), unit="cores", n=ROUNDS)
    record(figure="requests_per_endpoint_s", value=statistics.median(asked), unit="1/s", n=ROUNDS)


def _used(product: Product) -> tuple[float, float, float]:
    served = float(EmulatorControl(product.state).state()["requests"])
    return product.cpu_seconds("controller", "api"), product.cpu_seconds("emulator"), served
