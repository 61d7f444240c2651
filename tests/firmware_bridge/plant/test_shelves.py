"""Shelves: sharing, droop, efficiency."""

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.plant.shelves import efficiency, step_shelves

DESIGN = design_of(load_generation("gb200-nvl72"))
ALL = np.ones((1, 8, 6), dtype=np.bool_)


def test_present_supplies_share_equally_and_absent_ones_give_nothing() -> None:
    some = ALL.copy()
    some[0, 2, 3:] = False
    result = step_shelves(DESIGN, some, np.array([90_000.0]))
    assert result["psu_output"][0][some[0]] == pytest.approx(2000.0)
    assert not result["psu_output"][0][~some[0]].any()
    assert not result["psu_input"][0][~some[0]].any()
    assert result["psu_output"].sum() == pytest.approx(90_000.0)


def test_the_bus_droops_half_a_volt_from_nothing_to_full_load() -> None:
    at = [step_shelves(DESIGN, ALL, np.array([p]))["bus_voltage"][0] for p in (0.0, 132_000.0, 264_000.0)]
    assert at == pytest.approx([DESIGN.bus_nominal, DESIGN.bus_nominal - 0.25, DESIGN.bus_nominal - 0.5])


def test_overload_says_by_how_much() -> None:
    result = step_shelves(DESIGN, ALL, np.array([264_000.0 * 1.2]))
    assert result["overload"][0] == pytest.approx(0.2)


def test_efficiency_reads_what_the_captured_shelf_reads() -> None:
    assert float(efficiency(np.array(0.119))) == pytest.approx(0.962)
    assert (efficiency(np.linspace(0, 1.6, 50)) < 1.0).all()


def test_input_rises_with_load() -> None:
    loads = [step_shelves(DESIGN, ALL, np.array([p]))["psu_input"].sum() for p in np.linspace(0, 264_000, 40)]
    assert (np.diff(loads) > 0).all()
