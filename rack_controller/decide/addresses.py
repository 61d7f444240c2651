"""Do a tray's units answer at the bus addresses of its place?  Pure: who answers on each line in, judgements out.

A bus address is set by where a module sits: shelf and slot are encoded in it (Open Rack v3).  So an answer at another
tray's address, on a line where that tray is not, is a part or a cable in the wrong place; both sides are named.  A
silent unit alone is no such sign: it may be pulled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firmware_bridge.vocabulary.line import LineLook
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.model.expectation import ExpectedAddresses
from rack_controller.model.readiness import Judgement, Verdict

NAME = "place_bus_address"
_SOURCE = "facebook/openbmc rackmon2: the address is that of shelf and slot; which tray has which: the generation"


@dataclass(frozen=True, slots=True)
class LineClaim:
    """What an endpoint on a line should answer at, and who was seen there; no `look`: nobody has looked yet."""

    endpoint: Place
    expected: ExpectedAddresses
    look: LineLook | None
    is_read: bool = True


def judge_addresses(claims: Sequence[LineClaim]) -> dict[Place, list[Judgement]]:
    """Return one judgement for each endpoint that is read.

    A stranger is told by the endpoints of its line that miss a unit, by the lowest of them all where none does.  A
    tray that the generation has on the same line and that nobody reads is no stranger there, as long as one's own
    units answer.
    """
    return {c.endpoint: [_judge(c, claims)] for c in claims if c.is_read}


def addresses_text(addresses: Iterable[int]) -> str:
    """Return addresses in hexadecimal, neighbours as a run: `0x20, 0x90-0x95`."""
    runs: list[list[int]] = []
    for address in sorted(set(addresses)):
        if runs and runs[-1][-1] == address - 1:
            runs[-1][1:] = [address]
        else:
            runs.append([address])
    return ", ".join("-".join(f"{a:#04x}" for a in run) for run in runs)


def _judge(claim: LineClaim, claims: Sequence[LineClaim]) -> Judgement:
    look = claim.look
    found = () if look is None else look.present
    verdict, why = Verdict.OK, ""
    if look is None:
        verdict, why = Verdict.UNKNOWN, "its line was not looked at yet"
    elif (strangers := _strangers(claim, look, claims)) and _tells(claim, look, claims):
        why, found = _both_sides(claim, look, strangers, claims), (*look.present, *strangers)
        verdict = Verdict.DIFFERS
    elif not look.present:
        verdict, why = Verdict.UNKNOWN, "none of its units answers"
    return Judgement(
        name=NAME,
        title="Its units answer at the addresses of its place",
        found=addresses_text(found) or "no answer",
        wanted=addresses_text(claim.expected.addresses),
        verdict=verdict,
        required=look is None or verdict is not Verdict.UNKNOWN,  # that nobody answers is told elsewhere
        where="" if look is None else look.line,
        why=why,
        source=_SOURCE,
        confirmed=True,
    )


def _strangers(claim: LineClaim, look: LineLook, claims: Sequence[LineClaim]) -> set[int]:
    at_home = {
        a for c in claims if not c.is_read and c.expected.line == claim.expected.line for a in c.expected.addresses
    }
    return set(look.strangers) - (at_home if look.present else set())


def _tells(claim: LineClaim, look: LineLook, claims: Sequence[LineClaim]) -> bool:
    beside = [(c.endpoint, c.look) for c in claims if c.look is not None and c.look.line == look.line]
    missing = [endpoint for endpoint, seen in beside if seen.silent]
    return claim.endpoint in missing if missing else claim.endpoint == min(endpoint for endpoint, _ in beside)


def _both_sides(claim: LineClaim, look: LineLook, strangers: set[int], claims: Sequence[LineClaim]) -> str:
    missing = f", where {addresses_text(look.silent)} is silent" if look.silent else ""
    text = f"{_name(claim.endpoint)} has {addresses_text(claim.expected.addresses)} by its place{missing}"
    left = set(strangers)
    told = []
    # Its own line's trays first: another line of the rack may count its addresses alike.
    for other in sorted(claims, key=lambda c: c.expected.line != claim.expected.line):
        theirs = left & set(other.expected.addresses)
        if other.endpoint != claim.endpoint and theirs:
            told.append(f"{addresses_text(theirs)} of {_name(other.endpoint)}, {_there(claim, other, theirs)}")
            left -= theirs
    if left:
        told.append(f"{addresses_text(left)}, which no tray of this rack has")
    return f"{text}; on its line answers {'; and '.join(told)}"


def _there(claim: LineClaim, other: LineClaim, theirs: set[int]) -> str:
    """Return how it looks on the other side."""
    if not other.is_read:
        return "which is not read"
    if other.look is None:
        return "whose line was not looked at yet"
    if set(other.look.strangers) & set(claim.expected.addresses):
        return "and there the other way round: swapped, or their cables are?"
    if theirs & set(other.look.present):
        return "where it answers as well: an address set wrong?"
    return "where it is silent"


def _name(endpoint: Place) -> str:
    return f"{leaf_of(tray_of(endpoint))} {leaf_of(endpoint)}"
