"""Claims: the arithmetic of each rule, and that nothing unknown ever helps one."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.as_built import RACK, files, part, records, small_rack, step

from rack_controller.prove.claim import ClaimVerdict, OriginClaim, words_of
from rack_controller.prove.origin import claim_of
from rack_controller.prove.rules import OriginRule

DAY = date(2028, 6, 1)


def rule(name: str, **more: object) -> OriginRule:
    found = files().book.named(name)
    assert found is not None
    return msgspec.structs.replace(found, **more)


def claimed(rows: list[dict[str, str]], name: str = "contract", day: date | None = DAY, **more: object) -> OriginClaim:
    return claim_of(records(rows), rule(name, **more), files().country_of_site, day)


def test_the_share_of_cost_is_exact_where_everything_is_known() -> None:
    claim = claimed(small_rack())
    assert (claim.lower_percent, claim.upper_percent) == (79.99, 80.01), "rounded away from each other"
    assert claim.verdict is ClaimVerdict.MET
    assert (claim.parts_in, claim.parts_out, claim.parts_unknown) == (3, 1, 0)


def test_unknown_origin_counts_outside_below_and_inside_above() -> None:
    rows = small_rack()
    rows[3] |= step("assembly", "unknown")
    claim = claimed(rows)
    assert (claim.lower_percent, claim.upper_percent) == (49.99, 80.01)
    assert claim.verdict is ClaimVerdict.UNDECIDED
    assert "1 parts are of unknown origin" in claim.reasons[0]


def test_a_cost_that_nothing_bounds_leaves_nothing_provable_and_a_bound_helps() -> None:
    rows = small_rack()
    rows[4] = part(f"{RACK}/u12/cable0", "cable", None) | step("assembly", "MX")
    assert claimed(rows).lower_percent == 0.0
    assert claimed(rows).upper_percent == 100.0
    rows[4] |= {"cost_most": "400", "currency": "USD", "cost_basis": "purchase"}
    bounded = claimed(rows)
    assert (bounded.lower_percent, bounded.upper_percent) == (79.99, 100.0)


def test_weak_evidence_proves_nothing_in_favour_and_stands_against() -> None:
    rows = small_rack()
    rows[1] |= step("assembly", "US-TX", evidence="declared")
    rows[4] |= step("assembly", "MX", evidence="declared")
    claim = claimed(rows)
    assert (claim.lower_percent, claim.upper_percent) == (49.99, 80.01)
    assert claim.parts_out == 1


def test_a_currency_without_a_rate_is_an_unknown_cost() -> None:
    rows = small_rack()
    rows[4]["currency"] = "MXN"
    assert claimed(rows).lower_percent == 0.0
    with_rate = claimed(rows, rates={"USD": 1.0, "MXN": 0.05})
    assert with_rate.lower_percent == 98.76  # 1600 of 1620
    assert with_rate.costs_unknown == 0


@pytest.mark.parametrize(
    ("day", "asked", "verdict"),
    [
        (date(2022, 1, 1), None, ClaimVerdict.UNDECIDED),
        (date(2023, 12, 31), 60.0, ClaimVerdict.NOT_MET),
        (date(2024, 1, 1), 65.0, ClaimVerdict.NOT_MET),
        (date(2028, 12, 31), 65.0, ClaimVerdict.NOT_MET),
        (date(2029, 1, 1), 75.0, ClaimVerdict.NOT_MET),
    ],
)
def test_buy_american_asks_by_day_of_delivery(day: date, asked: float | None, verdict: ClaimVerdict) -> None:
    rows = small_rack()
    rows[1] |= step("assembly", "TW")  # the shelf, 1,000 of 2,000 with what is in it
    claim = claimed(rows, "buy-american", day)
    assert (claim.more_than_percent, claim.verdict) == (asked, verdict)
    assert (claim.lower_percent, claim.upper_percent) == (49.99, 50.01)
    assert claim.parts == 2, "trays are the components, whatever is in them"


def test_between_the_two_thresholds_the_day_decides() -> None:
    rows = small_rack()
    rows[1] |= step("assembly", "TW") | {"cost": "200"}  # 600 of 1,600 outside: 62.5 %
    rows[2]["cost"] = "200"  # 400 of 1,400 outside: 71.4 %
    assert claimed(rows, "buy-american", date(2028, 12, 31)).verdict is ClaimVerdict.MET
    assert claimed(rows, "buy-american", date(2029, 1, 1)).verdict is ClaimVerdict.NOT_MET


def test_the_share_is_not_enough_where_the_rack_itself_was_put_together_elsewhere() -> None:
    rows = small_rack()
    assert claimed(rows, "buy-american").verdict is ClaimVerdict.MET
    rows[0] |= step("integration", "MX", "2026-06-01")
    assert claimed(rows, "buy-american").verdict is ClaimVerdict.NOT_MET
    assert claimed(rows[1:], "buy-american").verdict is ClaimVerdict.UNDECIDED


def test_a_country_is_that_of_the_last_deciding_step_of_the_rack_itself() -> None:
    claim = claimed(small_rack(), "substantial-transformation")
    assert (claim.country, claim.verdict) == ("US", ClaimVerdict.MET)
    assert claim.by_country == {"US": 3, "MX": 1}
    assert claimed(small_rack()[1:], "substantial-transformation").country == "unknown"
    assert claimed(small_rack(), "customs").verdict is ClaimVerdict.UNDECIDED


def test_no_claim_speaks_of_compliance() -> None:
    for name in ("contract", "buy-american", "substantial-transformation", "customs"):
        claim = claimed(small_rack(), name)
        said = " ".join((words_of(claim), claim.title, claim.source, *claim.reasons, *claim.leaves_out)).lower()
        assert "complian" not in said
        assert "conform" not in said


PLACES = st.sampled_from(["US-TX", "MX", "unknown"])
COSTS = st.none() | st.integers(0, 10_000).map(str)


@given(st.lists(st.tuples(PLACES, COSTS), min_size=1, max_size=8), st.data())
def test_the_bounds_hold_whatever_the_unknown_turns_out_to_be(
    parts: list[tuple[str, str | None]], data: st.DataObject
) -> None:
    def rows(seen: list[tuple[str, str | None]]) -> list[dict[str, str]]:
        return [part(f"{RACK}/u{n}", "cable", cost) | step("assembly", place) for n, (place, cost) in enumerate(seen)]

    told = claimed(rows(parts))
    truth = [
        (
            data.draw(st.sampled_from(["US-TX", "MX"])) if place == "unknown" else place,
            str(data.draw(st.integers(1, 10_000))) if cost is None else cost,
        )
        for place, cost in parts
    ]
    true = claimed(rows(truth))
    assert told.lower_percent is not None
    assert told.upper_percent is not None
    assert true.lower_percent is not None
    assert true.upper_percent is not None
    assert told.lower_percent <= true.lower_percent
    assert true.upper_percent <= told.upper_percent
    if told.verdict is not ClaimVerdict.UNDECIDED:
        assert true.verdict is told.verdict
