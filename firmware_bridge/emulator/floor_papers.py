"""What a floor would note of an emulated rack before its acceptance: records of every check, as of a healthy rack.

A GPU that computes wrongly by now shows in its kernel's record.  What else is to be wrong is written into the file.
"""

import csv
import datetime
import io
from collections.abc import Mapping, Sequence

from firmware_bridge.emulator.floor_places import floor_places
from firmware_bridge.generations.instruments import Figures, Paper
from firmware_bridge.plant.meters import noted
from firmware_bridge.plant.noise import made
from firmware_bridge.vocabulary.generation import Generation

COLUMNS = ("kind", "place", "tester", "calibrated_until", "on")
CALIBRATED_DAYS = 365
Row = dict[str, str | float]


def floor_papers(
    rack: str, generation: Generation, figures: Figures, wrong: Sequence[bool], today: datetime.date
) -> list[Row]:
    """Return a row for each check and place of `rack`.  `wrong`: which GPUs, bottom up, compute wrongly."""
    places, rows = floor_places(generation), list[Row]()
    bad = dict(zip(places.get("gpu", ()), wrong, strict=True))
    texts = {"nic_firmware": _firmware(places, figures), "nvlink_cabling": _cabling(places)}
    until = (today + datetime.timedelta(days=CALIBRATED_DAYS)).isoformat()
    for kind, paper in figures.papers.items():
        head: Row = {"tester": f"{kind}-emulated", "calibrated_until": until, "on": today.isoformat()}
        for place, numbers in _numbers(f"{rack} {kind}", paper, places).items():
            if bad.get(place) and "wrong_words" in numbers:
                numbers["wrong_words"] = numbers["results"]  # a word in each of its products
            rows.append({"kind": kind, "place": place, **head, **numbers, **texts.get(kind, {}).get(place, {})})
    return rows


def as_csv(rows: Sequence[Mapping[str, str | float]]) -> str:
    """Return rows as the file that a floor hands in."""
    columns = dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)])
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _numbers(seed: str, paper: Paper, places: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, float]]:
    """Return what is noted at each place; numbers with a spread differ from place to place, the same for ever."""
    where = [p for at in paper.at for p in places.get(at, ())]
    drawn = {n: mean + made(f"{seed} {n}", width, len(where)) for n, (mean, width) in paper.numbers.items()}
    found = {p: noted({n: float(v[k]) for n, v in drawn.items()}) for k, p in enumerate(where)}
    return {p: {n: round(v, 3) for n, v in numbers.items()} for p, numbers in found.items()}


def _firmware(places: Mapping[str, tuple[str, ...]], figures: Figures) -> dict[str, dict[str, str]]:
    return {place: {"firmware": figures.firmware["nic"]} for place in places.get("nic", ())}


def _cabling(places: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, str]]:
    """Return the GPU that the design puts behind each port (NvlinkPlan's rule); ports of a switch tray follow it."""
    gpus, ports = places.get("gpu", ()), places.get("port", ())
    each = len(ports) // max(len(places.get("switch", ())), 1)
    return {port: {"neighbour": gpus[n % each % len(gpus)]} for n, port in enumerate(ports)} if gpus else {}
