"""Standing limits hold every limit with nobody there, as far as that can be, and give no less than they must."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.decide.budget.standing import standing_limits

GENERATION = load_generation("gb200-nvl72")
ROSTER = roster_of([(Place(f"s/h/r/k0{n}"), GENERATION) for n in (1, 2, 3)])
RACKS, DOUBT = len(ROSTER.racks), 0.1


def row(watts: float, share: list[float]) -> Row:
    return Row("x", RowKind.BUDGET, watts, np.array(share))


def carried(limits: np.ndarray, each: Row) -> float:
    gpus = np.bincount(ROSTER.rack, weights=limits, minlength=RACKS)
    others = ROSTER.law.drawn(gpus) - gpus
    return float(each.share @ (gpus + others * (1.0 + DOUBT)))


def stands(rows: list[Row]) -> np.ndarray:
    return standing_limits(ROSTER, ROSTER.floor, ROSTER.floor, ROSTER.most, rows, DOUBT)


def test_without_a_limit_everybody_has_its_most() -> None:
    assert (stands([]) == ROSTER.most).all()
    assert (stands([row(1e9, [1, 1, 1])]) == ROSTER.most).all()


def test_where_not_even_the_floors_fit_they_are_what_remains() -> None:
    assert (stands([row(1_000.0, [1, 1, 1])]) == ROSTER.floor).all()


def test_promises_that_do_not_fit_come_down_to_what_does() -> None:
    promised = np.where(ROSTER.rack == 0, 1_000.0, ROSTER.floor)
    tight = row(80_000.0, [1, 0, 0])
    found = standing_limits(ROSTER, ROSTER.floor, promised, ROSTER.most, [tight], DOUBT)
    mine = found[ROSTER.span(0)]
    assert ((mine > ROSTER.floor[0]) & (mine < 1_000.0)).all()
    assert carried(found, tight) <= 80_000.0


def test_a_tight_rack_costs_its_neighbours_nothing() -> None:
    found = stands([row(80_000.0, [1, 0, 0])])
    assert found[0] < 1000.0
    assert (found[ROSTER.span(1)] == ROSTER.most[ROSTER.span(1)]).all()


_rows = st.lists(
    st.builds(row, st.floats(1_000.0, 400_000.0), st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=3, max_size=3)),
    max_size=5,
)


@given(_rows)
def test_every_limit_holds_or_everybody_under_it_is_at_the_floor(rows: list[Row]) -> None:
    found = stands(rows)
    assert ((found >= ROSTER.floor) & (found <= ROSTER.most)).all()
    assert (found == np.floor(found)).all()
    for each in rows:
        at_floor = all(
            (found[ROSTER.span(r)] == ROSTER.floor[ROSTER.span(r)]).all() for r in np.flatnonzero(each.share)
        )
        assert at_floor or carried(found, each) <= each.watts + 1e-6


@given(_rows)
def test_a_watt_more_for_everybody_would_be_too_much_for_somebody(rows: list[Row]) -> None:
    found = stands(rows)
    lowered = found < ROSTER.most
    more = np.where(lowered, found + 2.0, found)
    assert not lowered.any() or any(carried(more, each) > each.watts for each in rows)
