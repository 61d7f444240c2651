"""Passports and decisions on the console: bounds, both sides, days; no price, and no text that could be markup."""

from datetime import date

import msgspec
from support.as_built import RACK

from datacenter_api.console.decision import draw_decision, draw_decisions, draw_offer, draw_reminders
from datacenter_api.console.passport import draw_accepted, draw_claims, draw_match, draw_parts, draw_passports
from datacenter_api.passports.reports import FrozenRow, MatchReport, PartRow, Passport, PassportRow
from rack_controller.prove.claim import ClaimVerdict, OriginClaim
from rack_controller.prove.conditions import ConditionOutcome, parse_condition
from rack_controller.prove.fit import Fit, Mismatch, PartSwap, Side
from rack_controller.prove.option import DecisionLine, DecisionRecord, DecisionStage, Firm, Offer, reminders
from rack_controller.prove.rules import Measure

HOSTILE = '"><script>alert(1)</script>'
CLAIM = OriginClaim(
    "contract", "Share", Measure.SHARE_OF_COST, ClaimVerdict.UNDECIDED, date(2028, 6, 1), 41.5, 80.25, 50.0
)
PART = PartRow(
    f"{RACK}/u01", "psu", HOSTILE, HOSTILE, None, None, None, [{"process": "test", "place": HOSTILE}], "9876"
)
PASSPORT = Passport(
    RACK,
    300,
    1,
    [PART],
    [CLAIM],
    [PartSwap(f"{RACK}/u01", None, HOSTILE, 1, HOSTILE)],
    [
        FrozenRow(
            RACK,
            "ab" * 32,
            5,
            1,
            2,
            1,
            HOSTILE,
            {"swapped": 1},
            [Mismatch(Fit.SWAPPED, Side(f"{RACK}/u01", "psu", HOSTILE, "BUILT"), None)],
        )
    ],
)


def test_a_claim_is_drawn_with_both_bounds_and_says_what_it_is_not() -> None:
    drawn = draw_claims([CLAIM])
    assert "41.50 to 80.25 %" in drawn
    assert 'aria-label="proven 41.50 %, possible 80.25 %, asked 50 %"' in drawn
    assert '<rect x="41.5" width="38.75"' in drawn
    assert "? undecided" in drawn
    assert "no statement of law" in drawn
    country = OriginClaim("c", HOSTILE, Measure.COUNTRY, ClaimVerdict.MET, None, country="US", by_country={"US": 3})
    assert "<b>US</b>" in draw_claims([country])
    assert HOSTILE not in draw_claims([country])


def test_what_does_not_fit_is_drawn_with_both_sides() -> None:
    found = Mismatch(Fit.SWAPPED, Side(f"{RACK}/u01", "psu", "P", "OLD"), Side(f"{RACK}/u01", "psu", "P", HOSTILE))
    drawn = draw_match(MatchReport(RACK, {"same": 4, "swapped": 1}, 1, [found], [f"{RACK}/u02"], HOSTILE))
    assert "◆ 4 same · 1 swapped" in drawn
    assert "<b>OLD</b>" in drawn
    assert "1 tray not read in full yet" in drawn
    assert HOSTILE not in drawn
    assert "● 4 same" in draw_match(MatchReport(RACK, {"same": 4}, 0, [], []))
    silent = msgspec.structs.replace(found, fit=Fit.UNPROVEN)
    drawn = draw_match(MatchReport(RACK, {"same": 4, "unproven": 1}, 0, [], [], uncompared=[silent]))
    assert '<td class="sev-warning">unproven</td><td>k01/u01: P <b>OLD</b></td>' in drawn


def test_parts_swaps_and_accepted_states_show_no_price_and_no_markup() -> None:
    drawn = draw_parts(PASSPORT) + draw_accepted(PASSPORT) + draw_passports([PassportRow(RACK, 5, 1, "ab" * 32)])
    assert HOSTILE not in drawn
    assert "9876" not in drawn
    assert "and 100 more parts" in drawn
    assert "5 records, 1 did not fit, 2 nobody could look at" in drawn
    assert "▲ kept so: 1 swapped" in drawn
    assert "<b>BUILT</b>" in drawn
    assert "passport import" in draw_passports([])
    unread = draw_passports([PassportRow(RACK, 0, 0, unreadable=f"gone {HOSTILE}")])
    assert "▲ gone" in unread
    assert '<td class="n">–</td>' in unread
    assert HOSTILE not in unread


def test_a_decision_shows_its_conditions_its_days_and_all_that_was_said() -> None:
    offer = Offer(
        "pilot", HOSTILE, Firm(HOSTILE, ("mo",)), Firm("B", ("b",)), (RACK,), date(2026, 1, 1), date(2027, 3, 31)
    )
    condition = parse_condition("racks_passed:L12 >= 17 by 2027-03-01")
    log = (DecisionLine(0, "b", "accept_if", DecisionStage.CONDITIONAL, HOSTILE),)
    record = DecisionRecord(offer, DecisionStage.CONDITIONAL, (condition,), log)
    drawn = (
        draw_offer(record)
        + draw_decision(record)
        + draw_decisions([record])
        + draw_reminders(reminders(record, date(2027, 2, 25)))
    )
    assert HOSTILE not in drawn
    assert "? open</span> racks_passed:L12 &gt;= 17 by 2027-03-01" in drawn
    assert "measured: not known" in drawn
    assert '<p class="sev-critical">▲ 2027-03-01, in 4 days' in drawn
    assert f'href="/console/passport/{RACK}"' in drawn
    assert condition.outcome is ConditionOutcome.OPEN
    assert "None within 30 days" in draw_reminders([])
    assert "None yet" in draw_decisions([])
