"""Two small racks of two designs for the validators: 2 compute trays, 1 switch tray, each shelf kind, 1 coolant unit.

Their trays are those of the designs that they extend, so that what a validator sees is what a whole rack shows.  Their
pumps are sized for two trays: those of a whole rack would hardly turn, and what hardly flows cools no GPU.
"""

from pathlib import Path

RACKS = "small-nvl72,small-nvl36"
_NVL72 = """\
schema_version: 1
name: small-nvl72
extends: gb200-nvl72
title: Eight GPUs of a GB200 NVL72
coolant:
  {supply_nominal_c: 30, flow_rated_lpm: 22.0, heat_capacity_j_per_l_k: 3870, fluid: Water, additive: propylene glycol,
   additive_percent: 25}
domains: [{name: nvl0, gpus: 8, racks: 1}]
placements:
  - {tray: cdu, units: [1]}
  - {tray: shelf, units: [6], feeds: [[a]]}
  - {tray: compute, units: [11, 12], domain: nvl0}
  - {tray: switch, units: [19], domain: nvl0}
"""
_NVL36 = """\
schema_version: 1
name: small-nvl36
extends: orv3-hpr-nvl36x2
title: Eight GPUs of a rack with Open Rack shelves
coolant:
  {supply_nominal_c: 30, flow_rated_lpm: 24.0, heat_capacity_j_per_l_k: 3870, fluid: Water, additive: propylene glycol,
   additive_percent: 25}
domains: [{name: nvl0, gpus: 8, racks: 1}]
placements:
  - {tray: rpu, units: [1]}
  - {tray: psu_shelf, units: [6], feeds: [[a, b]]}
  - {tray: bbu_shelf, units: [9]}
  - {tray: compute, units: [15, 17], domain: nvl0}
  - {tray: switch, units: [23], domain: nvl0}
"""


def write(generations: Path) -> Path:
    """Write both designs below a state directory's `generations`; return that folder."""
    for name, text in (("small-nvl72", _NVL72), ("small-nvl36", _NVL36)):
        (generations / name).mkdir(parents=True, exist_ok=True)
        (generations / name / "rack.yaml").write_text(text)
    return generations
