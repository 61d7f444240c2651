"""Breakers of live racks: warmed by what is metered, by the most that can be asked where nobody meters."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Watts
from firmware_bridge.vocabulary.upstream import SupplyNode
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.decide.supply.heat import SPENT
from rack_controller.decide.supply.usable import Redundancy, usable
from rack_controller.run.budget.breakers import BreakerBook

RACK = Place("s/h/r/k01")
ROSTER = roster_of([(RACK, load_generation("gb200-nvl72"))])
WIRING = ROSTER.racks[0].wiring
MAY = (usable(WIRING, WIRING.all_well, Redundancy.N_PLUS_1),)


def decided(charged: float) -> Any:
    rows = (Row("k01", RowKind.RACK, 250_000.0, np.ones(1)), Row("row", RowKind.BUDGET, 9e5, np.ones(1)))
    return SimpleNamespace(rows=rows, step=SimpleNamespace(charged=np.array([charged, 9e5])))


def test_a_reserve_is_spent_at_first_and_there_after_some_minutes_at_a_load_for_hours() -> None:
    book = BreakerBook(ROSTER)
    book.look(MAY, decided(0.0), np.array([120_000.0]), 0.0)
    assert all(view.reserve == 0.0 for view in book.views(RACK))
    for n in range(1, 200):
        book.look(MAY, decided(0.0), np.array([120_000.0]), 5.0 * n)
    assert min(view.reserve for view in book.views(RACK)) == 1.0
    assert book.lasts(RACK) == np.inf
    spending = book.spending(RACK, 0.5)
    assert spending is not None
    assert max(spending.heat.values()) < 0.7 < SPENT
    assert book.spending(RACK, 0.0) is None


def test_a_load_that_nobody_knows_is_the_most_that_can_be_asked_for() -> None:
    known, unknown = BreakerBook(ROSTER), BreakerBook(ROSTER)
    for n in range(100):
        known.look(MAY, decided(400_000.0), np.array([100_000.0]), 5.0 * n)
        unknown.look(MAY, decided(400_000.0), np.array([np.nan]), 5.0 * n)
    assert unknown.views(RACK)[0].load_w == pytest.approx(4.0 * known.views(RACK)[0].load_w, rel=0.3)
    assert unknown.lasts(RACK) < known.lasts(RACK) == np.inf
    assert unknown.views(RACK)[0].over_s > 60.0


ABOVE = (SupplyNode("utility", Watts(750_000)), SupplyNode("way-b", Watts(80_000), rating=Watts(100_000)))
SHARES = {"utility": np.array([1.05]), "way-b": np.array([0.525])}


def test_breakers_above_the_racks_are_followed_by_the_sum_that_they_carry_and_shown_with_each_rack() -> None:
    book = BreakerBook(ROSTER, ABOVE)
    book.look(MAY, decided(0.0), np.array([120_000.0]), 0.0, SHARES)
    (way,) = (view for view in book.views(RACK) if view.name == "way-b")
    assert (way.rating_w, way.nominal_w, way.load_w, way.reserve) == (100_000, 80_000, pytest.approx(63_000), 0.0)
    assert "utility" not in {view.name for view in book.views(RACK)}, "nothing is known of its heat"
    for n in range(1, 200):
        book.look(MAY, decided(0.0), np.array([120_000.0]), 5.0 * n, SHARES)
    assert book.lasts(RACK) == np.inf
    lent = book.lent(0.5, 3.0)
    assert set(lent) == {"way-b"}
    assert 1.0 < lent["way-b"] < 1.76, "1.4 times its rating at most"
    assert book.lent(0.0, 3.0) == {}


def test_a_breaker_above_the_rack_that_is_overloaded_bounds_how_long_a_host_is_waited_for_and_lends_nothing() -> None:
    book = BreakerBook(ROSTER, ABOVE)
    for n in range(100):
        book.look(MAY, decided(0.0), np.array([230_000.0]), 5.0 * n, SHARES)
    assert book.lasts(RACK) == 0.0
    assert book.lent(0.9, 3.0) == {}
    assert book.views(RACK)[0].name == "way-b"
    dark = {"utility": np.zeros(1), "way-b": np.zeros(1)}
    book.look(MAY, decided(0.0), np.array([230_000.0]), 501.0, dark)
    assert "way-b" not in {view.name for view in book.views(RACK)}, "it carries nothing any more"
