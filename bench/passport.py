"""Passports of 200 racks of 3,000 parts: handed in and kept, matched with what was found, written as signed BOMs."""

import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from datacenter_api.passports.desk import PassportDesk
from rack_controller.prove.match import match_parts

RACKS, PARTS = 200, 3_000
DELIVERY = date(2028, 6, 1)
_FIELDS = ("place", "date", "firm", "evidence", "reference")
_PROCESSES = ("wafer", "packaging", "board", "assembly", "test")
# Kind, how many a rack has, supplier, cost in USD, and per step: process, place, firm, evidence.
_KINDS = (
    (
        "gpu",
        72,
        "NVIDIA",
        30_000,
        ("wafer/TW/TSMC/documented", "packaging/TW/TSMC/documented", "board/US-TX/F/attested"),
    ),
    ("cpu", 36, "NVIDIA", 6_000, ("wafer/TW/TSMC/documented", "packaging/TW/TSMC/documented")),
    (
        "psu",
        48,
        "Delta",
        900,
        ("board/TH/Delta/documented", "assembly/US-TX/Delta/documented", "test/US-TX/D/declared"),
    ),
    ("drive", 144, "Micron", 400, ("wafer/SG/Micron/declared", "assembly/MY/Micron/documented")),
    ("cartridge", 4, "Amphenol", 9_000, ("assembly/mount-pleasant-wi/F/attested",)),
    ("cable", 2_696, "Luxshare", 12, ("assembly/foxconn-va/F/documented", "test/foxconn-va/F/declared")),
)


def run(record: Callable[..., None]) -> None:
    """Measure `import_600k_rows_s` (bar 10), `match_s` (bar 2) and `hbom_s` (bar 5), in CPU seconds of one core.

    An import ends with its commit; a BOM carries one claim and its seal; of what was found 1 in 100 does not fit.
    """
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    data = _factory_file(RACKS)
    with tempfile.TemporaryDirectory(prefix="rackwright-passport-") as folder:
        desk = PassportDesk(Path(folder))
        seconds, report = _timed(lambda: desk.take(data, "factory.csv", "bench"))
        assert report.accepted
        assert report.rows == RACKS * PARTS
        record(figure="import_600k_rows_s", value=seconds, unit="s", n=report.rows)
        record(figure="import_file_mb", value=len(data) / 1e6, unit="MB")
        built = desk.store.keys().append_column("kind", pa.array(_kinds(), pa.string()))
        found, told = _found(built)
        seconds, match = _timed(lambda: match_parts(built, found, told))
        assert match.wrong > 0
        record(figure="match_s", value=seconds, unit="s", n=found.num_rows)
        racks = desk.store.racks()
        for redacted, figure in ((False, "hbom_s"), (True, "hbom_redacted_s")):
            seconds, size = _timed(partial(_export, desk, racks, redacted))
            record(figure=figure, value=seconds, unit="s", n=len(racks))
        record(figure="hbom_mb_per_rack", value=size / len(racks) / 1e6, unit="MB")
        record(figure="peak_mib", value=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, unit="MiB")
        desk.close()


def _export(desk: PassportDesk, racks: list[str], redacted: bool) -> int:
    return sum(len(desk.export(r, "cyclonedx", delivery=DELIVERY, redacted=redacted).content) for r in racks)


def _timed(work: Callable[[], object]):  # type: ignore[no-untyped-def]
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def _factory_file(racks: int) -> bytes:
    """Return a factory's CSV of so many racks: ten kinds of dates and 400 lots a kind."""
    names = ["place", "kind", "part", "serial", "lot", "work_order", "supplier", "cost", "currency", "cost_basis"]
    names += [f"{process}_{field}" for process in _PROCESSES for field in _FIELDS]
    lines, at = [], 0
    for kind, count, firm, cost, steps in _KINDS:
        done = {step.split("/")[0]: step.split("/")[1:] for step in steps}
        for n in range(count):
            lot = at % 400
            cells = [
                *(f"tx1/a/r##/k@@@/u{at // 80 + 1:02d}/{kind}{n}", kind, f"{kind.upper()}-{at % 7:02d}"),
                *(f"{kind[:2].upper()}@@@{at:06d}", f"L@@@{lot:04d}", "WO-@@@", firm, f"{cost}.50", "USD", "purchase"),
            ]
            for order, process in enumerate(_PROCESSES):
                place, who, evidence = done.get(process, ("", "", ""))
                day = f"2026-{order + 3:02d}-{lot % 28 + 1:02d}" if place else ""
                cells += [place, day, who, evidence, f"COC-{lot:04d}" if evidence not in ("", "declared") else ""]
            lines.append(",".join(cells))
            at += 1
    one = "\n".join(lines) + "\n"
    every = (one.replace("##", f"{rack // 20:02d}").replace("@@@", f"{rack:03d}") for rack in range(racks))
    return (",".join(names) + "\n" + "".join(every)).encode()


def _kinds() -> list[str]:
    return ["gpu" if n % 40 == 0 else "psu" if n % 60 == 1 else "cable" for n in range(RACKS * PARTS)]


def _found(built: pa.Table) -> tuple[pa.Table, set[tuple[str, str]]]:
    """Return what was found: of 100 parts one is swapped, moved or missing; and that every tray told of its GPUs."""
    serials = np.asarray(built.column("serial").to_pylist(), dtype=object)
    rows = np.arange(len(serials))
    serials[rows % 300 == 7] = [f"NEW{n}" for n in rows[rows % 300 == 7]]
    here, there = rows[rows % 300 == 50], rows[rows % 300 == 51]
    serials[here], serials[there] = serials[there].copy(), serials[here].copy()
    found = built.set_column(built.column_names.index("serial"), "serial", pa.array(serials.tolist(), pa.string()))
    told = {("/".join(place.split("/")[:5]), "gpu") for place in built.column("place").to_pylist()}
    return found.filter(pa.array(rows % 300 != 120)), told
