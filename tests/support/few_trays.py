"""Designs with a few trays of whole racks: for stories of which none depends on how many trays a rack has.

Their trays, endpoints and places are those of the designs that they extend.  Their pumps are sized for what is left:
those of a whole rack would hardly turn.  Whole racks are looked at by `test_first_light` and `test_two_generations`.
"""

from pathlib import Path

from firmware_bridge.generations.seeds import seeds_folder
from support.product import Product

FEW, FEW_PAIR = "few-nvl72", "few-nvl36x2"
COMPUTE, SWITCH, GPUS = 8, 4, 32
"""Trays and GPUs of `FEW`: their 18 links each need four times 144 ports."""
_FEW = f"""\
schema_version: 1
name: {FEW}
extends: gb200-nvl72
title: Eight compute and four switch trays of a GB200 NVL72 on half its shelves
busbar: {{power_max_w: 132000, power_usable_w: 66000}}
coolant: {{flow_rated_lpm: 82}}
domains:
  - name: nvl0
    gpus: {GPUS}
    racks: 1
    nvlink: {{links_per_gpu: 18, ports_per_tray: 144, chips_per_tray: 2, port: acp, first_port: 1,
             fabric_manager_trays: [0], ber_high: 1.0e-12, recoveries_per_hour_high: 10}}
placements:
  - {{tray: cdu, units: [1]}}
  - {{tray: shelf, units: ["6-9"], feeds: [[a], [b]]}}
  - {{tray: compute, units: ["11-18"], domain: nvl0}}
  - {{tray: switch, units: ["19-22"], domain: nvl0}}
"""
_PAIR = f"""\
schema_version: 1
name: {FEW_PAIR}
extends: orv3-hpr-nvl36x2
title: Two trays each of two racks with Open Rack shelves
coolant: {{flow_rated_lpm: 24.0}}
domains: [{{name: nvl0, gpus: 16, racks: 2}}]
placements:
  - {{tray: rpu, units: [1]}}
  - {{tray: psu_shelf, units: ["6-8"], feeds: [[a, b]]}}
  - {{tray: bbu_shelf, units: [9]}}
  - {{tray: compute, units: [15, 17], domain: nvl0}}
  - {{tray: switch, units: [23], domain: nvl0}}
"""


def write(state: Path) -> None:
    """Write the designs where a state directory keeps its own, and `FEW`'s short plan: GB200's at its trays."""
    for name, text in ((FEW, _FEW), (FEW_PAIR, _PAIR)):
        folder = state / "generations" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rack.yaml").write_text(text)
        lower = text.split("extends: ", 1)[1].split("\n", 1)[0]
        (folder / "sequence.yaml").write_text(f"extends: {lower}\n")
    short = seeds_folder() / "generations" / "gb200-nvl72" / "acceptance-short.yaml"
    (state / "generations" / FEW / short.name).write_text(short.read_text().replace("u36", "u18"))


def few(state: Path, *options: str) -> Product:
    """Return a product, not started yet, of one rack with a few trays."""
    write(state)
    return Product(state, ["--racks", FEW, *options])
