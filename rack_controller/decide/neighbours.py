"""Is each endpoint's management cable where the site says?  Pure: what they hear over LLDP in, judgements out.

A tray in another slot, or a cable in another port, shows as another port than the site's.  Both sides are named.
A port at which nobody is heard is no such sign: the cable may be pulled, or the switch says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.vocabulary.neighbour import Neighbour, SeenNeighbour
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.model.readiness import Judgement, Verdict

NAME = "place_neighbour"
_SOURCE = "the site file's `neighbour`; the endpoint's own port over LLDP (IEEE 802.1AB)"


@dataclass(frozen=True, slots=True)
class CableClaim:
    """Where an endpoint's cables go by the site, and what it hears there; `seen` None: nobody has looked yet."""

    endpoint: Place
    expected: tuple[Neighbour, ...]
    seen: tuple[SeenNeighbour, ...] | None


def judge_neighbours(claims: Sequence[CableClaim]) -> dict[Place, list[Judgement]]:
    """Return one judgement for each endpoint of which the site names a neighbour.

    It differs when a neighbour that was expected is not heard and one that was not is.  Who hears nobody is unknown.
    """
    return {c.endpoint: [_judge(c, claims)] for c in claims if c.expected}


def is_one(expected: Neighbour, seen: SeenNeighbour) -> bool:
    """Tell whether a neighbour that was heard is the one that the site names.

    Names without regard to case; a bare host name stands for its full one, a MAC address for any way to write it.
    """
    system, port = _folded(expected.system), _folded(expected.port)
    systems = {_folded(name) for name in seen.systems}
    if "." not in system:
        systems |= {_folded(name.partition(".")[0]) for name in seen.systems if not _is_address(name)}
    return system in systems and port in {_folded(name) for name in seen.ports}


def _judge(claim: CableClaim, claims: Sequence[CableClaim]) -> Judgement:
    seen = claim.seen or ()
    missing = [e for e in claim.expected if not any(is_one(e, s) for s in seen)]
    strange = [s for s in seen if not any(is_one(e, s) for e in claim.expected)]
    verdict, why = Verdict.OK, ""
    if not seen:
        verdict, why = Verdict.UNKNOWN, "the endpoint does not say" if claim.seen is not None else "not looked at yet"
    elif missing and strange:
        verdict, why = Verdict.DIFFERS, _both_sides(claim, missing, strange, claims)
    elif missing:
        why = f"nobody is heard at {', '.join(map(str, missing))}"
    return Judgement(
        name=NAME,
        title="Its cable is plugged in where the site says",
        found=", ".join(map(str, seen)) or "not said",
        wanted=", ".join(map(str, claim.expected)),
        verdict=verdict,
        required=bool(seen),  # what an endpoint cannot say holds nobody up
        where=", ".join(dict.fromkeys(s.at for s in seen)),
        why=why,
        source=_SOURCE,
        confirmed=True,
    )


def _both_sides(
    claim: CableClaim, missing: list[Neighbour], strange: list[SeenNeighbour], claims: Sequence[CableClaim]
) -> str:
    here = _name(claim.endpoint)
    text = f"{here} is plugged into {strange[0]}, its place is {missing[0]}"
    others = [c for c in claims if c.endpoint != claim.endpoint]
    other = next((c for c in others if any(is_one(e, strange[0]) for e in c.expected)), None)
    if other is None:
        return f"{text}; no endpoint of this rack belongs there"
    there = _name(other.endpoint)
    if not other.seen:
        return f"{text}, and that is {there}'s, which says nothing"
    if any(is_one(e, s) for e in missing for s in other.seen):
        return f"{text}; {there} is plugged into {missing[0]}, its place is {strange[0]}: swapped, or their cables are?"
    if any(is_one(e, strange[0]) and is_one(e, s) for e in other.expected for s in other.seen):
        return f"{text}; {there} says it is there as well: is the address of {here} the right one?"
    return f"{text}; {there}, whose place that is, is plugged into {other.seen[0]}"


def _folded(name: str) -> str:
    return name.casefold().replace("-", ":") if _is_mac(name) else name.casefold().strip()


def _is_mac(name: str) -> bool:
    octets = name.replace("-", ":").split(":")
    return len(octets) == 6 and all(len(o) == 2 and not set(o.casefold()) - set("0123456789abcdef") for o in octets)


def _is_address(name: str) -> bool:
    return ":" in name or not name.strip("0123456789.")


def _name(endpoint: Place) -> str:
    return f"{leaf_of(tray_of(endpoint))} {leaf_of(endpoint)}"
