"""The record of one decision to buy: who offered what, who said what when, under which conditions.  Pure.

The transitions are the table; what it does not hold is refused.  Days are arguments; a day counts to its end.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from firmware_bridge.vocabulary.place import parse_place, rack_of
from rack_controller.prove.conditions import ConditionOutcome, Measure, Measured, PurchaseCondition, judge_condition

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Line = Annotated[str, msgspec.Meta(max_length=400)]
Fingerprint = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
MOST_CONDITIONS, MOST_RACKS, MOST_USERS, MOST_KEYS = 50, 1_000, 50, 20
REMIND_DAYS = (30, 14, 7, 1)


class DecisionStage(StrEnum):
    """Where a decision stands.  The last four are ends."""

    OFFERED = "offered"
    IN_EVALUATION = "in_evaluation"
    ACCEPTED = "accepted"
    CONDITIONAL = "conditional"
    REJECTED = "rejected"
    EXERCISED = "exercised"
    DECLINED = "declined"
    LAPSED = "lapsed"


class DecisionStep(StrEnum):
    """What moves a decision on: said by a party, or by the calendar."""

    EVALUATE = "evaluate"
    ACCEPT = "accept"
    ACCEPT_IF = "accept_if"
    REJECT = "reject"
    EXERCISE = "exercise"
    DECLINE = "decline"
    EXTEND = "extend"
    LAPSE = "lapse"


class Party(StrEnum):
    """Who may say a step."""

    BUYER = "buyer"
    SELLER = "seller"
    CALENDAR = "calendar"


_S = DecisionStage
TRANSITIONS: Mapping[tuple[DecisionStage, DecisionStep], DecisionStage] = {
    (_S.OFFERED, DecisionStep.EVALUATE): _S.IN_EVALUATION,
    (_S.OFFERED, DecisionStep.REJECT): _S.REJECTED,
    (_S.IN_EVALUATION, DecisionStep.ACCEPT): _S.ACCEPTED,
    (_S.IN_EVALUATION, DecisionStep.ACCEPT_IF): _S.CONDITIONAL,
    (_S.IN_EVALUATION, DecisionStep.REJECT): _S.REJECTED,
    (_S.CONDITIONAL, DecisionStep.ACCEPT): _S.ACCEPTED,
    (_S.CONDITIONAL, DecisionStep.REJECT): _S.REJECTED,
    (_S.CONDITIONAL, DecisionStep.EXERCISE): _S.EXERCISED,
    (_S.CONDITIONAL, DecisionStep.DECLINE): _S.DECLINED,
    (_S.ACCEPTED, DecisionStep.EXERCISE): _S.EXERCISED,
    (_S.ACCEPTED, DecisionStep.DECLINE): _S.DECLINED,
    **{(s, DecisionStep.EXTEND): s for s in (_S.OFFERED, _S.IN_EVALUATION, _S.CONDITIONAL, _S.ACCEPTED)},
    **{(s, DecisionStep.LAPSE): _S.LAPSED for s in (_S.OFFERED, _S.IN_EVALUATION, _S.CONDITIONAL, _S.ACCEPTED)},
}
ENDS = frozenset({_S.REJECTED, _S.EXERCISED, _S.DECLINED, _S.LAPSED})
SAID_BY: Mapping[DecisionStep, Party] = {
    **dict.fromkeys(DecisionStep, Party.BUYER),
    DecisionStep.EXTEND: Party.SELLER,
    DecisionStep.LAPSE: Party.CALENDAR,
}


class DecisionLine(msgspec.Struct, frozen=True):
    """One thing that happened: when, who said which step, where it led, and why."""

    unix_ns: int
    actor: str
    step: str
    stage: DecisionStage
    said: str = ""


class Firm(msgspec.Struct, frozen=True):
    """A party: its name, and the accounts that speak for it."""

    firm: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    users: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MOST_USERS)]


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is offered: `racks` are places that are evaluated, `quantity` how many racks could be bought.

    `decide_by` is the last day of the option, `delivery` the day that claims of origin are made for.  `keys`:
    fingerprints of keys whose seals both parties take, beside those of the installation that keeps the record.
    """

    name: Name
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    seller: Firm
    buyer: Firm
    racks: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_RACKS)]
    offered: date
    decide_by: date
    generation: Annotated[str, msgspec.Meta(max_length=64)] = ""
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    delivery: date | None = None
    keys: Annotated[tuple[Fingerprint, ...], msgspec.Meta(max_length=MOST_KEYS)] = ()


class DecisionRecord(msgspec.Struct, frozen=True):
    """An offer, where the decision about it stands, its conditions, and all that was said, the oldest first."""

    offer: Offer
    stage: DecisionStage
    conditions: tuple[PurchaseCondition, ...] = ()
    log: tuple[DecisionLine, ...] = ()

    @property
    def over(self) -> bool:
        """Return whether the decision has been made, one way or the other."""
        return self.stage in ENDS


class Reminder(msgspec.Struct, frozen=True):
    """A day that comes: what ends then, and in how many days (0: today)."""

    name: str
    what: str
    on: date
    days_left: int


class StepRefused(ValueError):
    """The table has no such transition, or somebody else has to say it."""


def offered(offer: Offer, actor: str, unix_ns: int) -> DecisionRecord:
    """Return the record of a new offer.  Raises ValueError for days, racks and parties that make no sense."""
    if offer.decide_by < offer.offered:
        raise ValueError(f"decide_by {offer.decide_by} lies before offered {offer.offered}")
    if offer.delivery is not None and offer.delivery < offer.offered:
        raise ValueError(f"delivery {offer.delivery} lies before offered {offer.offered}")
    if twice := next((r for n, r in enumerate(offer.racks) if r in offer.racks[:n]), ""):
        raise ValueError(f"{twice} is offered twice")
    if wrong := next((r for r in offer.racks if not _is_rack(r)), ""):
        raise ValueError(f"{wrong[:64]!r} is no rack: site/hall/row/rack, in lower case")
    if set(offer.seller.users) & set(offer.buyer.users):
        raise ValueError("nobody can speak for both parties")
    return DecisionRecord(
        offer, DecisionStage.OFFERED, (), (DecisionLine(unix_ns, actor, "offer", DecisionStage.OFFERED, offer.title),)
    )


def step(
    record: DecisionRecord,
    event: DecisionStep,
    actor: str,
    unix_ns: int,
    today: date,
    *,
    said: str = "",
    conditions: Sequence[PurchaseCondition] = (),
    until: date | None = None,
) -> DecisionRecord:
    """Return the record after a party's word.  Raises StepRefused, which tells what is due instead.

    `conditions` go with ACCEPT_IF, `until` with EXTEND.  What is conditional can only be exercised once all of its
    conditions are met.
    """
    stage = TRANSITIONS.get((record.stage, event))
    due = ", ".join(sorted(e.value for s, e in TRANSITIONS if s is record.stage and SAID_BY[e] is not Party.CALENDAR))
    if stage is None:
        raise StepRefused(f"{event} does not fit a decision that is {record.stage}: {due or 'it is over'}")
    _may_say(record.offer, event, actor)
    if today > record.offer.decide_by and event is not DecisionStep.LAPSE:
        raise StepRefused(f"the option ended on {record.offer.decide_by}")
    offer = record.offer
    if event is DecisionStep.ACCEPT_IF:
        _fit(conditions, offer, today)
    elif event is DecisionStep.EXTEND:
        if until is None or until <= offer.decide_by:
            raise StepRefused(f"an extension needs a day after {offer.decide_by}")
        offer = msgspec.structs.replace(offer, decide_by=until)
    elif record.stage is DecisionStage.CONDITIONAL and event in (DecisionStep.EXERCISE, DecisionStep.ACCEPT):
        open_ones = [str(c) for c in record.conditions if c.outcome is not ConditionOutcome.MET]
        if open_ones:
            raise StepRefused(f"not met: {'; '.join(open_ones)}")
    kept = tuple(conditions) if event is DecisionStep.ACCEPT_IF else record.conditions
    return DecisionRecord(offer, stage, kept, (*record.log, DecisionLine(unix_ns, actor, event, stage, said)))


def steps_of(record: DecisionRecord, actor: str) -> list[DecisionStep]:
    """Return the steps that an account may say of a decision as it stands, in the order of `DecisionStep`."""
    firms = {Party.BUYER: record.offer.buyer, Party.SELLER: record.offer.seller}
    mine = {party for party, firm in firms.items() if actor in firm.users}
    return [event for event in DecisionStep if (record.stage, event) in TRANSITIONS and SAID_BY[event] in mine]


def settle(record: DecisionRecord, values: Mapping[str, Measured], unix_ns: int, today: date) -> DecisionRecord:
    """Return the record as the calendar and the measured values have it.

    A condition that was met in time stays met; one whose day has passed has failed; an option whose day has passed
    lapses.  `values` by the text of the condition's measure.
    """
    if record.over:
        return record
    conditions, log = [], list(record.log)
    for condition in record.conditions:
        judged = judge_condition(condition, values.get(condition.measured, Measured()), today)
        if judged.outcome is not condition.outcome and judged.outcome is not ConditionOutcome.OPEN:
            log.append(
                DecisionLine(unix_ns, f"({Party.CALENDAR})", f"condition {judged.outcome}", record.stage, str(judged))
            )
        conditions.append(judged)
    record = DecisionRecord(record.offer, record.stage, tuple(conditions), tuple(log))
    if today > record.offer.decide_by:
        return step(
            record, DecisionStep.LAPSE, f"({Party.CALENDAR})", unix_ns, today, said=f"after {record.offer.decide_by}"
        )
    return record


def reminders(record: DecisionRecord, today: date) -> list[Reminder]:
    """Return the days that come within the longest of `REMIND_DAYS`, the nearest first."""
    if record.over:
        return []
    name = record.offer.name
    days = [(f"the option ends, {record.stage.replace('_', ' ')} now", record.offer.decide_by)]
    days += [(f"condition: {c}", c.by) for c in record.conditions if c.outcome is ConditionOutcome.OPEN]
    found = [Reminder(name, what, on, (on - today).days) for what, on in days]
    return sorted((r for r in found if 0 <= r.days_left <= max(REMIND_DAYS)), key=lambda r: (r.on, r.what))


def _is_rack(text: str) -> bool:
    try:
        return rack_of(parse_place(text)) == text
    except ValueError:
        return False


def _may_say(offer: Offer, event: DecisionStep, actor: str) -> None:
    party = SAID_BY[event]
    if party is Party.CALENDAR:
        return
    firm = offer.buyer if party is Party.BUYER else offer.seller
    if actor not in firm.users:
        raise StepRefused(f"only the {party} ({firm.firm}) says {event}: {', '.join(firm.users)}")


def _fit(conditions: Sequence[PurchaseCondition], offer: Offer, today: date) -> None:
    if not 1 <= len(conditions) <= MOST_CONDITIONS:
        raise StepRefused(f"a conditional acceptance has 1 to {MOST_CONDITIONS} conditions")
    for condition in conditions:
        racks = condition.measure in (Measure.RACKS_PASSED, Measure.PASSPORTS_FROZEN)
        if racks and condition.compare == ">=" and condition.bound > len(offer.racks):
            raise StepRefused(f"{condition}: it can never be met, the offer has {len(offer.racks)} racks")
        if not today <= condition.by <= offer.decide_by:
            raise StepRefused(f"{condition}: its day is not between today and the option's end on {offer.decide_by}")
