"""What a floor hands in of a healthy rack: records of every check at every place that has one."""

import csv
import datetime
import io

from firmware_bridge.generations.load import load_generation
from rack_controller.acceptance.floor import read_checks
from rack_controller.acceptance.live import live_parts

GOOD: dict[str, dict[str, float]] = {
    "torque": {"nm": 12.0},
    "ground_bond": {"mohm": 32.0},
    "polarity": {"volts": 50.0},
    "pressure_decay": {"begin_kpa": 700.0, "end_kpa": 699.6, "begin_c": 21.0, "end_c": 21.0, "minutes": 30.0},
    "gpu_stress": {"results": 60.0, "wrong_words": 0.0, "seconds": 60.0, "tera_ops": 20.0},
    "gpu_inventory": {"memory_gib": 186.0, "pcie_width": 16.0, "pcie_generation": 6.0},
    "cpu_inventory": {"memory_gib": 480.0, "dimms": 8.0},
    "nic_inventory": {"pcie_width": 16.0},
    "drive_inventory": {"capacity_gb": 3840.0, "wear_percent": 0.0},
}
ONLY = {"torque": ["shelf"], "ground_bond": ["tray", "shelf"], "polarity": ["shelf"], "pressure_decay": ["rack"]}


def healthy(generation: str = "gb200-nvl72", on: str = "2026-11-20", **wrong: dict[str, float]) -> bytes:
    """Return the CSV.  `wrong`: by check, numbers of its first place that are otherwise."""
    parts, checks = live_parts(load_generation(generation)), read_checks().checks
    numbers = list(dict.fromkeys(n for said in GOOD.values() for n in said))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["kind", "place", "tester", "calibrated_until", "on", *numbers], lineterminator="\n")
    writer.writeheader()
    for kind, said in GOOD.items():
        places = [p for at in ONLY.get(kind, checks[kind].at) for p in parts.of(at)]
        for n, place in enumerate(places):
            row = {"kind": kind, "place": place, "tester": f"{kind}-04", "calibrated_until": "2027-05-31", "on": on}
            writer.writerow(row | said | (wrong.get(kind, {}) if n == 0 else {}))
    return out.getvalue().encode()


def logged(series: str, place: str, value: float, *, until: float, seconds: int = 240) -> bytes:
    """Return the CSV of an instrument that read the same every second up to `until`, s since 1970."""
    rows = ["kind,place,tester,calibrated_until,on,value"]
    for second in range(int(until) - seconds, int(until) + 1):
        on = datetime.datetime.fromtimestamp(second, datetime.UTC).isoformat()
        rows.append(f"{series},{place},meter-2,2027-05-31,{on},{value}")
    return "\n".join(rows).encode()
