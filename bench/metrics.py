"""How much CPU one `/metrics` page of ten racks costs, against a plain loop that formats every line anew."""

import gc
import statistics
import time
from collections.abc import Callable

import numpy as np

from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.view import RackView, view_of
from datacenter_api.metrics.exposition import Exposition
from datacenter_api.metrics.families import FAMILIES, labels_of, samples_of
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.frame import Frame
from rack_controller.model.layout import EndpointStatus, Layout, RackState, make_layout
from rack_controller.model.table import SeriesTable, make_table

RACKS = 10
SENSORS_PER_TRAY = 115
ROUNDS = 7
_Q = Quantity
_PARTS = frozenset({"gpu", "cpu", "psu", "leak", "pump"})
_SENSORS = (_Q.TEMPERATURE, _Q.VOLTAGE, _Q.CURRENT, _Q.POWER)


def run(record: Callable[..., None]) -> None:
    """Measure `ms_10_racks`; baseline is the naive loop over the same readings, ratio ours to it."""
    racks = [_rack(n) for n in range(RACKS)]
    exposition = Exposition()
    ours: list[float] = []
    naive: list[float] = []
    for round_ in range(ROUNDS + 1):
        for rack in racks:
            _tick(rack, round_)
        ours_ms = _cpu_ms(lambda: _page(exposition, racks))
        naive_ms = _cpu_ms(lambda: _naive_page(racks))
        if round_:  # the first round makes the templates
            ours.append(ours_ms)
            naive.append(naive_ms)
    value, baseline = statistics.median(ours), statistics.median(naive)
    record(figure="ms_10_racks", value=value, unit="ms", baseline=baseline, ratio=value / baseline, n=len(ours))


def _page(exposition: Exposition, racks: list[RackRecord]) -> bytes:
    return exposition.render(racks, Seconds(1.0), 1.8e9, connected=True, streams=0, discarded={})


def _naive_page(racks: list[RackRecord]) -> bytes:
    """Format every line as a client library does: name, sorted labels, value."""
    by_family: dict[str, list[str]] = {}
    for rack in racks:
        view = view_of(rack, Seconds(1.0))
        if view is None or rack.layout is None:
            continue
        kinds = {t.place: t.kind for t in rack.layout.trays}
        for line, series in enumerate(view.columns.series):
            kind = kinds.get("/".join(series.place.split("/")[:5]), "")
            _naive_lines(by_family, view, line, series, kind, rack.layout.rack)
    blocks = []
    for name, lines in by_family.items():
        family = FAMILIES[name]
        blocks.append(f"# HELP {name} {family.help}\n# TYPE {name} {family.type}\n" + "".join(lines))
    return "".join(blocks).encode()


def _naive_lines(
    by_family: dict[str, list[str]], view: RackView, line: int, series: Series, kind: str, rack: str
) -> None:
    if view.quality[line] != Quality.GOOD:
        return
    value = float(view.values[line])
    for sample in samples_of(series, kind):
        labels = {
            **dict(labels_of(series, rack, frozenset({"gpu", "cpu", "psu", "leak", "pump"}))),
            **dict(sample.labels),
        }
        inside = ",".join(f'{name}="{text}"' for name, text in sorted(labels.items()))
        shown = value * sample.scale
        if sample.equals is not None:
            shown = float(value == sample.equals)
        elif sample.at_least is not None:
            shown = float(value >= sample.at_least)
        by_family.setdefault(sample.family, []).append(f"{sample.family}{{{inside}}} {shown!r}\n")


def _rack(number: int) -> RackRecord:
    place = Place(f"bench/a/r01/k{number:02d}")
    generation = load_generation("gb200-nvl72")
    places = [join_place(place, s.name, e.name) for s in generation.slots for e in s.tray.endpoints if e.enabled]
    endpoints = tuple(SiteEndpoint(p, "127.0.0.1", 443) for p in places)
    layout = make_layout(SiteRack(place, "gb200-nvl72"), generation, endpoints)
    record = RackRecord(f"k{number:02d}")
    record.hear_layout(layout)
    record.hear_table(_table(layout))
    statuses = [EndpointStatus(p, "on", "reachable", 1.0, 0.2) for p in places]
    record.hear_state(RackState(place, 1, 0, "b", statuses), Seconds(0.0))
    return record


def _table(layout: Layout) -> SeriesTable:
    """About 3,500 series: what the ports promise, and the many sensors that real compute trays add."""
    lines: list[tuple[str, Quantity]] = []
    for tray in layout.trays:
        lines += [(tray.place, q) for q in (_Q.POWER, _Q.POWER_STATE, _Q.MANAGEMENT, _Q.LOCATE)]
        for part in tray.components:
            for n in range(part.count):
                quantities = (_Q.LEAK,) if part.name == "leak" else (_Q.POWER, _Q.TEMPERATURE, _Q.ENERGY)
                lines += [(f"{tray.place}/{part.name}{n}", q) for q in quantities]
        if tray.kind == "compute":
            lines += [(f"{tray.place}/sensor_{n:03d}_x", _SENSORS[n % 4]) for n in range(SENSORS_PER_TRAY)]
    return make_table(Place(layout.rack), [Series(Place(p), q, SPECS[q].reading_class, "") for p, q in lines])


def _tick(rack: RackRecord, round_: int) -> None:
    assert rack.columns is not None
    table, noise = rack.columns.table, np.random.default_rng(round_)
    gauges = (noise.random(len(table.gauges)) * 1_000).astype(np.float32)
    states = [
        n for n, s in enumerate(table.gauges) if s.quantity in (_Q.POWER_STATE, _Q.MANAGEMENT, _Q.LOCATE, _Q.LEAK)
    ]
    gauges[states] = 1.0
    lines = len(table.series)
    quality = np.zeros(lines, dtype=np.uint8)
    quality[:: lines // 20] = Quality.MISSING  # some are always unknown in a real rack
    rack.hear_frame(
        Frame(
            table.table_id,
            round_,
            UnixNanoseconds(round_),
            gauges,
            noise.integers(0, 2**52, len(table.counters), dtype=np.int64),
            np.full(lines, 20, dtype=np.uint16),
            quality,
        ),
        Seconds(0.9),
    )


def _cpu_ms(work: Callable[[], object]) -> float:
    gc.collect()  # the other side's garbage is not ours
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1_000
