"""The fault matrix against the running product: every cell injected, seen within its time, and well again within its.

`fault_matrix.yaml` is the data; the table that this prints is kept in docs/fault-matrix.md.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.attendant import Attendant, attending, until
from support.product import Product

from firmware_bridge.emulator.fault_kinds import KINDS, FaultKind, Layer

MATRIX = yaml.safe_load(Path(__file__).with_name("fault_matrix.yaml").read_text())
CELLS: list[dict[str, Any]] = MATRIX["cells"]
PAGE = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
LOOK_EVERY_S = 0.5
SETTLE_S = 120.0
ON_S = 60.0
# Every way that Redfish and Modbus are known to fail in the field has a cell.
REQUIRED = frozenset(
    {
        *(
            "status",
            "wrong_etag",
            "lost_response",
            "task_vanishes",
            "reboot",
            "stale_version",
            "clock_1970",
            "redirect",
        ),
        *("wrong_certificate", "expired_certificate", "half_body", "slow", "drip", "huge", "endless", "gzip"),
        *("duplicate_event", "late_event", "lost_event"),
        *("crc_storm", "wrong_unit", "late_reply", "stuck", "sign_flip", "bus_stuck", "two_masters", "silence"),
    }
)


def table() -> str:
    """Return the matrix as the page shows it."""
    lines = [
        "| layer | fault | injected at | seen as | within | well again within |",
        "|---|---|---|---|---|---|",
    ]
    for cell in CELLS:
        fault = dict(cell["fault"])
        what, where = fault.pop("what"), fault.pop("where")
        details = ", ".join(f"{name} {value}" for name, value in fault.items())
        name = f"`{what}`" + (f" ({details})" if details else "")
        if "steady" in cell:
            seen, within, well = f"stays reachable: {cell['because']}", "–", "–"
        else:
            well = f"not by itself: {cell['held']}" if "held" in cell else f"{cell['well_s']} s"
            seen, within = _seen_as(cell), f"{cell['seen_s']} s"
        lines.append(f"| {cell['layer']} | {name} | `{where}` | {seen} | {within} | {well} |")
    return "\n".join(lines)


def _seen_as(cell: dict[str, Any]) -> str:
    if "endpoint" in cell:
        says = " or ".join(f"`{name}…`" for name in cell["error"].split("|"))
        return f"the endpoint says {says}" if cell["error"] else "the endpoint is no longer reachable"
    if "event" in cell:
        kinds = re.sub(r"[()]", "", cell["event"].replace("\\..*", ".…")).split("|")
        return f"event `{'` or `'.join(kinds)}` at `{cell['at']}`"
    return f"`{cell['quantity']}` of `{cell['reading']}` no longer good"


def place_of(cell: dict[str, Any], name: str) -> str:
    """Return the whole place of what a cell names; the rack is the fault's unless it says another."""
    rack = cell["fault"]["where"].split("/")[0]
    return name if re.match(r"k\d\d(/|$)", name) else f"{rack}/{name}"


def test_the_page_is_the_matrix() -> None:
    assert table() in PAGE.read_text(), "docs/fault-matrix.md is older than tests/soak/fault_matrix.yaml"


def test_every_required_fault_has_its_cell() -> None:
    there = {cell["fault"]["what"] for cell in CELLS}
    assert there <= set(FaultKind)
    assert there >= REQUIRED


def test_every_fault_of_the_building_has_its_cell_or_its_own_test() -> None:
    there, own = {cell["fault"]["what"] for cell in CELLS}, MATRIX["elsewhere"]
    of_building = {kind for kind, spec in KINDS.items() if Layer.BUILDING in spec.layers}
    assert of_building == {kind for kind in of_building if (kind in there) != (kind in own)}
    for test in own.values():
        path, _, name = test.partition("::")
        assert f"def {name}(" in (PAGE.parents[1] / path).read_text(), test


class Watch:
    """One look at the product per half second for all cells at once."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.readings: dict[tuple[str, str], dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.since_ns = self.cleared_ns = 0

    def look(self) -> None:
        self.endpoints, self.readings = {}, {}
        for rack in ("k01", "k02", "k03"):
            for row in self._product.get(f"/api/v1/racks/{rack}/endpoints"):
                self.endpoints[_short(row["place"])] = row
            for row in self._product.get(f"/api/v1/racks/{rack}/readings", limit=20_000, quantity="power"):
                self.readings[_short(row["place"]), row["quantity"]] = row
        told = self._product.get("/api/v1/events", limit=4_000)
        self.events = [e for e in told if e["unix_ns"] >= self.since_ns]

    def seen(self, cell: dict[str, Any]) -> bool:
        if "endpoint" in cell:
            row = self.endpoints[place_of(cell, cell["endpoint"])]
            return bool(re.search(cell["error"], row["error"] or "")) if cell["error"] else not _reachable(row)
        if "event" in cell:
            return self._told(cell, cell["event"], self.since_ns)
        row = self.readings.get((place_of(cell, cell["reading"]), cell["quantity"]))
        return row is None or row["quality"] != "good"

    def well(self, cell: dict[str, Any]) -> bool:
        name = cell.get("endpoint") or cell.get("steady")
        if name is not None:
            return _reachable(self.endpoints[place_of(cell, name)])
        if "reading" in cell:
            row = self.readings.get((place_of(cell, cell["reading"]), cell["quantity"]))
            return row is not None and bool(row["quality"] == "good")
        return not self.cleared_ns or self._told(cell, cell["again"], self.cleared_ns)

    def _told(self, cell: dict[str, Any], kinds: str, since_ns: int) -> bool:
        at = place_of(cell, cell["at"])
        told = (e for e in self.events if e["unix_ns"] >= since_ns and at in _short(e["place"]))
        return any(re.fullmatch(kinds, e["kind"]) for e in told)


def _reachable(row: dict[str, Any]) -> bool:
    return bool(row["management"] == "reachable")


def _short(place: str) -> str:
    return "/".join(place.split("/")[3:])


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    running = Product(tmp_path / "state", ["--racks", MATRIX["racks"]])
    running.start()
    yield running
    running.stop()


def watch_until(
    watch: Watch, cells: list[dict[str, Any]], is_so: Callable[[dict[str, Any]], bool], limit: Callable[[Any], float]
) -> dict[int, float]:
    """Return after how many seconds each cell was as wanted; those that were not within their limit are missing."""
    began, found = time.monotonic(), dict[int, float]()
    while True:
        watch.look()
        now = time.monotonic() - began
        for n, cell in enumerate(cells):
            if n not in found and now <= limit(cell) and is_so(cell):
                found[n] = now
        if len(found) == len(cells) or now > max(map(limit, cells)):
            return found
        time.sleep(LOOK_EVERY_S)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_every_cell_is_seen_and_recovers(product: Product) -> None:
    watch = Watch(product)
    settled = watch_until(watch, CELLS, watch.well, lambda cell: SETTLE_S)
    assert [c["fault"] for n, c in enumerate(CELLS) if n not in settled] == []
    watch.since_ns = time.time_ns()
    product.control.add_faults([{**c["fault"], "where": f"*/{c['fault']['where']}"} for c in CELLS], from_now=True)
    told = [c for c in CELLS if "steady" not in c]
    steady = [c for c in CELLS if "steady" in c]
    seen = watch_until(watch, told, watch.seen, lambda cell: float(cell["seen_s"]))
    shaken = [c["steady"] for c in steady if not watch.well(c)]
    watch.cleared_ns = time.time_ns()
    product.control.clear_faults()
    mends = [c for c in told if "held" not in c]
    well = watch_until(watch, mends, watch.well, lambda cell: float(cell["well_s"]))
    for n, cell in enumerate(told):
        again = _shown(well, mends.index(cell)) if cell in mends else "held"
        print(f"{cell['fault']['what']:20} seen {_shown(seen, n)}, well again {again}")
    print("\n".join(asyncio.run(all_on_again(product))))
    problems = [f"not seen: {c['fault']}" for n, c in enumerate(told) if n not in seen]
    problems += [f"shaken: {place}" for place in shaken]
    problems += [f"not well again: {c['fault']}" for n, c in enumerate(mends) if n not in well]
    assert problems == []


async def all_on_again(product: Product) -> list[str]:
    """Sign for what interlocks have latched, as two persons for a rack, and switch on what they switched off."""
    told = []
    async with attending(product.state) as attendant:
        for rack in ("k01", "k02", "k03"):
            latches, off = await attendant.open(rack), await attendant.off(rack)
            began = time.monotonic()
            await attendant.clear_all(rack)
            for tray in sorted(off):
                await _on(attendant, rack, tray)
            await attendant.seen(rack, off, off=False)
            causes = ", ".join(sorted(latch.cause for latch in latches)) or "none"
            told.append(f"{rack}: latches {causes}; {len(off)} trays on again after {time.monotonic() - began:.1f} s")
    return told


async def _on(attendant: Attendant, rack: str, tray: str) -> None:
    """Switch one tray on; a detector that is met anew may hold it up for a moment."""
    refused = ""

    async def taken() -> bool | None:
        nonlocal refused
        place = f"lab1/a/r01/{rack}/{tray}"
        reply = await attendant.command("power", place, rack=rack, action="on")
        refused = reply.reason
        return True if reply.accepted else None

    await until(taken, lambda: f"{rack}/{tray} is not switched on: {refused}", within=ON_S)


def _shown(times: dict[int, float], n: int) -> str:
    return f"{times[n]:.1f} s" if n in times else "never"
