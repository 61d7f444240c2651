"""Devices that look well and are not: limits that nobody obeys, an unplugged detector, a property that lies."""

import json

import numpy as np

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.live import WRITERS
from firmware_bridge.emulator.rewrites import REWRITES
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place

GENERATION = load_generation("gb200-nvl72")
RACK = Place("tx1/a/r03/k07")


def test_a_tray_that_ignores_limits_keeps_them_and_draws_what_it_likes() -> None:
    bench = Bench(GENERATION, [RACK], None)
    bench.set_demand(1.0)
    for tray, gpu in np.ndindex(bench.caps.shape[1:]):
        WRITERS["gpu.limit"](bench, 0, tray, gpu, 600.0, 0.0)
    bench.advance(20.0, (Fault(what=FaultKind.CAP_IGNORED, where="*/u12"),))
    power, at = bench.state.gpu_power[0], [s.name for s in GENERATION.slots_of(TrayKind.COMPUTE)].index("u12")
    assert power[at].min() > 1000.0
    assert np.delete(power, at, axis=0).max() <= 601.0
    assert bench.caps.max() == 600.0, "it says that it took them"
    bench.advance(20.0)
    assert bench.state.gpu_power.max() <= 601.0


def test_an_unplugged_detector_stays_dry_whichever_was_told_first() -> None:
    bench = Bench(GENERATION, [RACK], None)
    deaf, wet = (Fault(what=kind, where="*/u12/leak1") for kind in (FaultKind.LEAK_UNPLUGGED, FaultKind.LEAK))
    other = Fault(what=FaultKind.LEAK, where="*/u12/leak2")
    for faults in ((deaf, wet, other), (other, wet, deaf)):
        bench.advance(1.0, faults)
        assert bench.leaks[TrayKind.COMPUTE][0].max(axis=0).tolist()[:4] == [0, 0, 2, 0]


def test_a_property_says_what_it_is_told_to_and_nothing_else_changes() -> None:
    body = json.dumps({"PowerRestorePolicy": "Last\\u0022On", "PolicyEnabled": True, "N": {"PolicyEnabled": [1]}})
    for text, name, value in (
        ("PowerRestorePolicy=AlwaysOn", "PowerRestorePolicy", "AlwaysOn"),
        ("PolicyEnabled=false", "PolicyEnabled", False),
        ("PowerRestorePolicy=3", "PowerRestorePolicy", 3),
    ):
        compact = json.dumps(json.loads(body), separators=(",", ":")).encode()
        said = json.loads(REWRITES[FaultKind.SAYS](compact, Fault(what=FaultKind.SAYS, text=text)))
        assert said == {**json.loads(body), name: value}
