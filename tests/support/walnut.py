"""A generation, a device and a register map that nobody wrote code for: three racks, two supplies."""

from pathlib import Path

RACK = """\
schema_version: 1
name: walnut
title: Three racks that belong together, a supply shelf with batteries on one slow line
height_u: 12
periods_s: {safety: 1, power: 1, slow: 10, static: 600}
busbar: {voltage_nominal_v: 54, power_max_w: 8000, power_usable_w: 6000}
feeds: [{name: a, phases: 1, voltage_nominal_v: 230}]
domains: [{name: ring, gpus: 6, racks: 3}]
coolant: {supply_nominal_c: 32, flow_rated_lpm: 8, heat_capacity_j_per_l_k: 3870}
lines: [{name: slow, baud: 9600, parity: odd}]
tray_types:
  brain:
    kind: compute
    title: Two processors that have no management controller
    components: [{name: gpu, count: 2, power_idle_w: 100, power_max_w: 900}]
  shelf:
    kind: power_shelf
    title: Two supplies
    components: [{name: psu, count: 2, power_max_w: 4000}]
    endpoints:
      - name: bus
        protocol: modbus
        driver: modbus/power_shelf
        line: slow
        device: walnut-shelf
        units: [{part: psu, maps: [walnut-supply], addresses: ["5-6", "8-9"]}]
placements:
  - {tray: shelf, units: ["1-2"]}
  - {tray: brain, units: [4], domain: ring}
"""
MAP = """\
kind: register_map
schema_version: 1
name: walnut-supply
title: A supply of our dreams
source: invented
line: {baud: 9600, parity: odd}
addresses: ["1-20"]
probe: 1
registers:
  - {at: 1, words: 2, name: watts, scale: 0.01, quantity: power, class: power}
  - {at: 3, words: 4, name: label, type: text, shown_as: model}
  - {at: 7, name: alarms, type: flags, quantity: alarms, class: safety, urgent: true, bits: {5: dead}}
"""
DEVICE = """\
schema: 1
kind: modbus
device: walnut-shelf
source: invented
parts:
  - part: psu
    map: walnut-supply
    registers:
      watts: {live: psu.output}
      label: WALNUT
      alarms: {bits: {dead: psu.lost}}
"""


def write(root: Path) -> Path:
    """Write the generation below `root` and return it."""
    folder = root / "walnut"
    for name, text in (
        ("rack.yaml", RACK),
        ("registers/walnut-supply.yaml", MAP),
        ("devices/walnut-shelf.yaml", DEVICE),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return root
