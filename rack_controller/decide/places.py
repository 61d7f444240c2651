"""Does each tray stand where the site says?  Pure: what the trays say of their place in, mismatches out.

A mismatch names both sides: the tray that speaks, and the one whose place it names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmware_bridge.vocabulary.generation import Slot
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.settings import Found, PlaceCheck, SlotSays
from rack_controller.model.readiness import Judgement, Verdict


@dataclass(frozen=True, slots=True)
class Claim:
    """What one endpoint says by one check: `said` are the numbers it gave, `expected` the one its place would give.

    `group` makes claims comparable: endpoints that count the same thing.
    """

    endpoint: Place
    check: PlaceCheck
    said: tuple[int, ...]
    expected: int
    group: str


def expected_number(check: PlaceCheck, slot: Slot, slots: Sequence[Slot]) -> int:
    """Return the number that a tray in `slot` gives when it stands there."""
    if check.says is SlotSays.UNIT:
        return slot.unit + check.offset
    if check.says is SlotSays.INDEX:
        return slot.index + check.offset
    counted = sorted(s.unit for s in slots if s.tray.name in check.of)
    return counted.index(slot.unit) + 1 + check.offset if slot.unit in counted else -1


def numbers_in(found: Sequence[Found]) -> tuple[int, ...]:
    """Return the whole numbers among what was found, each once; digits in text count."""
    numbers = [int(v) for f in found if (v := _plain(f.value)) is not None]
    return tuple(dict.fromkeys(numbers))


def judge_places(claims: Sequence[Claim]) -> dict[Place, list[Judgement]]:
    """Return a judgement per claim by endpoint.  Who says nothing is unknown; several numbers at once differ."""
    by_number = {(c.group, c.expected): c for c in claims}
    judged: dict[Place, list[Judgement]] = {}
    for claim in claims:
        judged.setdefault(claim.endpoint, []).append(_judge(claim, by_number))
    return judged


def _judge(claim: Claim, others: Mapping[tuple[str, int], Claim]) -> Judgement:
    verdict, why = Verdict.OK, ""
    if not claim.said:
        verdict, why = Verdict.UNKNOWN, "the endpoint does not say"
    elif claim.said != (claim.expected,):
        verdict, why = Verdict.DIFFERS, _both_sides(claim, others)
    check = claim.check
    return Judgement(
        name=f"place_{check.name}",
        title="Stands where the site says",
        found=", ".join(map(str, claim.said)) or "not said",
        wanted=str(claim.expected),
        verdict=verdict,
        required=bool(claim.said),  # what an endpoint cannot say holds nobody up
        where=check.read[0],
        why=why,
        source=check.source,
        confirmed=check.confirmed,
    )


def _both_sides(claim: Claim, others: Mapping[tuple[str, int], Claim]) -> str:
    here, what = _name(claim.endpoint), claim.check.name.replace("_", " ")
    if len(claim.said) > 1:
        return f"{here} says {what} {' and '.join(map(str, claim.said))} at once"
    said = claim.said[0]
    text = f"{here} says {what} {said}, its place is {claim.expected}"
    other = others.get((claim.group, said))
    if other is None:
        return f"{text}; no tray of this rack has {said}"
    there = _name(other.endpoint)
    if not other.said:
        return f"{text}, and {said} is {there}'s, which says nothing"
    if other.said == (claim.expected,):
        return f"{text}; {there} says {claim.expected}, its place is {said}: swapped, or their cables are?"
    if other.said == (said,):
        return f"{text}; {there} says {said} as well: is the address of {here} the right one?"
    return f"{text}; {there}, whose place that is, says {other.said[0]}"


def _name(endpoint: Place) -> str:
    return f"{leaf_of(tray_of(endpoint))} {leaf_of(endpoint)}"


def _plain(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    return int(value) if isinstance(value, str) and value.strip().isdigit() and len(value) < 9 else None
