"""A whole emulated rack that loses a feed, under the product: from the fault to limits that were read back and hold.

Everything is real but the rack: `rackwright up` with emulator, controller, bus and API in processes of their own, TLS
and Redfish between them, the product's own periods.  The clock starts before the emulator is told that half of the
supplies are gone.  Figures: `live_feed_loss_inband_settle_s`, until the API says that no more can be in force than what
is left carries, limits read back in band by the hosts' agents; `live_feed_loss_settle_s`, the same by Redfish alone;
`live_feed_loss_below_s`, until the plant draws no more than that; `live_feed_loss_frame_age_s`, the oldest telemetry
frame that the API showed meanwhile.  The worst of ROUNDS.  Then, with half of the supplies gone, from when the
controller is stopped, the bus is stopped, and the agents are killed: until every GPU stands at its standing limit in
band, `live_controller_gone_stands_s`, `live_bus_gone_stands_s`, `live_agents_killed_stands_s`.
"""

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the product as the stories start it

from support.product import Product

GPUS = 72
RACK, FEED_A = "gb300-nvl72", ("u06", "u08", "u40")
ROUNDS = int(os.environ.get("FEED_LOSSES", "3"))
LEFT_W = 3 * 33_000 / 1.05  # three shelves, shares 5 % uneven
LOADS, LOAD_FOR_S = (0.4, 0.6, 0.8, 1.0), 6.0
WITHIN_S, READY_S, EVERY_S = 30.0, 120.0, 0.05
POLICY = "kind: power\nschema: 1\nspec: {mode: armed, after_loss: hold}\n"


@dataclass(frozen=True, slots=True)
class Settled:
    """One loss, in s from its injection."""

    in_band: float
    settle: float
    below: float
    frame_age: float


GONE = {"controller_gone": ("controller", signal.SIGSTOP), "bus_gone": ("nats", signal.SIGSTOP)}


def live_losses() -> tuple[list[Settled], dict[str, float]]:
    """Lose the feed ROUNDS times; return how each was settled, and how soon GPUs stood when somebody was gone."""
    with _running() as product:
        losses = [_lose(product) for _ in range(ROUNDS)]
        return losses, _stands(product)


def record_all(record: Callable[..., None]) -> None:
    """Measure and record."""
    losses, stands = live_losses()
    for gone, seconds in stands.items():
        record(figure=f"live_{gone}_stands_s", value=seconds, unit="s")
    count = len(losses)
    record(figure="live_feed_loss_inband_settle_s", value=max(s.in_band for s in losses), unit="s", n=count)
    record(figure="live_feed_loss_settle_s", value=max(s.settle for s in losses), unit="s", n=count)
    record(figure="live_feed_loss_below_s", value=max(s.below for s in losses), unit="s", n=count)
    record(figure="live_feed_loss_frame_age_s", value=max(s.frame_age for s in losses), unit="s", n=count)


@contextlib.contextmanager
def _running() -> Iterator[Product]:
    with tempfile.TemporaryDirectory(prefix="rackwright-bench-") as folder:
        product = Product(Path(folder), options=["--racks", RACK])
        try:
            product.start()
            for share in LOADS:  # a coolant loop follows a step slowly, and an interlock would cap meanwhile
                product.control.set_demand(share)
                time.sleep(LOAD_FOR_S)
            wish = {"verb": "power_policy", "target": "k01", "arguments": {"do": "apply", "document": POLICY}}
            product.ask("POST", "/api/v1/racks/k01/commands", wish)
            _until(lambda: _ready(product), READY_S)
            yield product
        finally:
            product.stop()


def _ready(product: Product) -> bool:
    """Tell whether the rack draws all it can, and nothing holds it."""
    view = product.get("/api/v1/racks/k01/power")
    rows = view["limits"]
    if any(held["layer"].startswith("interlock ") for held in view["held"]):
        wish = {"verb": "limit", "target": "k01", "arguments": {"clear": True, "each": True}}
        with contextlib.suppress(AssertionError):  # while its cause stands a limit is not raised
            product.ask("POST", "/api/v1/racks/k01/commands", wish)
        return False
    kept = all(host["state"] == "kept" for host in view["in_band"])
    drawn = (rows[0]["drawn_w"] or 0.0) if rows else 0.0
    return view["mode"] == "armed" and kept and not view["held"] and drawn > 1.2 * LEFT_W


def _lose(product: Product) -> Settled:
    faults = [{"what": "psu_fail", "where": f"*/{shelf}"} for shelf in FEED_A]
    began = time.monotonic()
    ids = product.control.add_faults(faults)
    with ThreadPoolExecutor(2) as pool:  # each is asked for itself: who is busy keeps no other from being seen
        below = pool.submit(_first, lambda: bool(_drawn_w(product) <= LEFT_W), began)
        kept, ages = pool.submit(_kept_since, product, began), [0.0]
        while not (below.done() and kept.done()):
            age = product.get("/api/v1/racks/k01")["age_s"]
            ages.append(WITHIN_S if age is None else float(age))
            time.sleep(EVERY_S)
    product.control.clear_faults(ids)
    _until(lambda: _ready(product), READY_S)
    return Settled(*kept.result(), below.result(), max(ages))


def _kept_since(product: Product, began: float) -> tuple[float, float]:
    """Return after how many s the API said that limits hold in band, and by Redfish alone."""
    in_band = alone = 0.0
    while not (in_band and alone):
        view = product.get("/api/v1/racks/k01/power")
        told = time.monotonic() - began
        if told > WITHIN_S:
            raise AssertionError(f"not settled within {WITHIN_S} s")
        in_band = in_band or (told if _kept(view, "charged_w") else 0.0)
        alone = alone or (told if _kept(view, "out_of_band_w") else 0.0)
        time.sleep(EVERY_S)
    return in_band, alone


def _first(look: Callable[[], bool], began: float) -> float:
    """Return after how many s something is so."""
    while not look():
        if time.monotonic() - began > WITHIN_S:
            raise AssertionError(f"not settled within {WITHIN_S} s")
        time.sleep(EVERY_S)
    return time.monotonic() - began


def _drawn_w(product: Product) -> float:
    return float(product.control.state()["racks"][0]["shelf_output_w"])


def _stands(product: Product) -> dict[str, float]:
    product.control.add_faults([{"what": "psu_fail", "where": f"*/{shelf}"} for shelf in FEED_A])
    found = {}
    for gone, (name, stop) in GONE.items():
        standing, pid = _granted(product), product.pids[name]
        os.kill(pid, stop)
        try:
            found[gone] = _fallen(product, standing)
        finally:
            os.kill(pid, signal.SIGCONT)
    standing = _granted(product)
    os.kill(product.pids["agents"], signal.SIGKILL)
    found["agents_killed"] = _fallen(product, standing)
    return found


def _granted(product: Product) -> float:
    """Wait until every GPU is held in band above its standing limit; return the sum of those, W."""
    sums = [0.0]

    def look() -> bool:
        held = product.get("/api/v1/racks/k01/power")["held"]
        sums[0] = sum(gpu["standing_w"] or 0.0 for gpu in held)
        in_band = all(gpu["road"] == "in band" for gpu in held) and len(held) == GPUS
        return in_band and _in_band_w(product) > sums[0] + GPUS

    _until(look, READY_S)
    return sums[0]


def _fallen(product: Product, standing: float) -> float:
    began = time.monotonic()
    while _in_band_w(product) > standing + 1.0:
        if time.monotonic() - began > WITHIN_S:
            raise AssertionError(f"limits in band are not at their standing limits within {WITHIN_S} s")
        time.sleep(0.02)
    return time.monotonic() - began


def _in_band_w(product: Product) -> float:
    return float(product.control.state()["racks"][0]["gpu_limits_in_band_w"])


def _kept(view: dict[str, Any], charge: str) -> bool:
    own = view["limits"][0]
    return bool(view["usable"]["watts"] <= LEFT_W + 100.0 and own[charge] <= own["limit_w"])


def _until(look: Callable[[], bool], within: float) -> None:
    deadline = time.monotonic() + within
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError("the rack is not as it must be before a loss")
        time.sleep(0.2)
