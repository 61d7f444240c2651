"""Whether what stands behind an endpoint is alive while the endpoint is.  Pure: facts in, a state with a reason out.

An accelerator board can detach while its BMC stays healthy: its resources then answer errors, are not listed any more,
are listed without a number, or show the same numbers for ever.  Each looks different and all mean that nobody sees it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.liveness import MISSED, Cause, Liveness, Presence, SubtreeState
from rack_controller.model.snapshot import ManagementAxis, PowerAxis, Snapshot

STALLED_AFTER = Seconds(30.0)
"""s that energy may stand still while power is drawn: several times the refresh of any energy counter we know."""


@dataclass(frozen=True, slots=True)
class SubtreeFacts:
    """What is known of a subtree at one tick.

    `planned` and `known` count parts by kind (`gpu`): what the generation plans, the most that was ever there.
    `listed`, `unread`, `live`, `dark` and `stalled` name parts (`gpu2`): those the endpoint lists, those not yet read
    since, those that give a good number, those of them without a link, those whose energy stands still.
    `sensors` and `good` count all series from below it.  `refused` is the first error of its resources.
    """

    name: str
    management: ManagementAxis
    power: PowerAxis
    planned: Mapping[str, int]
    known: Mapping[str, int]
    listed: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    live: frozenset[str] = frozenset()
    dark: frozenset[str] = frozenset()
    stalled: frozenset[str] = frozenset()
    sensors: int = 0
    good: int = 0
    refused: str = ""


def decide_liveness(facts: SubtreeFacts) -> Liveness:
    """Return how alive a subtree is.  The safe reading of everything unclear is unknown, never present.

    A tray that is off or not heard says nothing about its board.  Parts that were listed and not read yet are waited
    for.  What nobody plans and nobody ever saw is not missed.
    """
    if facts.management is not ManagementAxis.REACHABLE:
        return Liveness(Presence.UNKNOWN, why=f"its endpoint is {facts.management}")
    expected = _expected(facts)
    if not expected and not facts.sensors:
        return Liveness(Presence.UNKNOWN, why="nothing is known to be there")
    if facts.power is PowerAxis.OFF:
        return Liveness(Presence.UNKNOWN, why="the tray is off")
    missing = tuple(sorted(expected - facts.live - facts.unread, key=_in_order))
    if missing or (not expected and not facts.good and not facts.unread):
        return _missed(facts, expected, missing)
    if facts.unread:
        return Liveness(Presence.UNKNOWN, why="not read yet")
    if facts.live and facts.stalled >= facts.live:
        why = f"the energy of {_names(facts.stalled)} stands still for {STALLED_AFTER:g} s while power is drawn"
        return Liveness(Presence.FROZEN, Cause.STALLED, (), why)
    if facts.dark:
        return Liveness(Presence.PARTIAL, Cause.DARK, tuple(sorted(facts.dark)), f"no link of {_names(facts.dark)}")
    return Liveness(Presence.PRESENT)


def next_state(was: SubtreeState | None, name: str, found: Liveness, now: Seconds) -> SubtreeState:
    """Return the subtree's state after this tick: since when it is so, and whether its return would be news."""
    same = was is not None and (was.liveness.presence, was.liveness.missing) == (found.presence, found.missing)
    since = was.since if was is not None and same else now
    forgotten = found.presence is Presence.UNKNOWN and was is not None and was.missed
    return SubtreeState(name, found, since, found.presence in MISSED or forgotten)


def _missed(facts: SubtreeFacts, expected: frozenset[str], missing: tuple[str, ...]) -> Liveness:
    whole = len(missing) == len(expected)
    presence = Presence.ABSENT if whole else Presence.PARTIAL
    unlisted = frozenset(missing) - facts.listed
    if facts.refused:
        return Liveness(presence, Cause.REFUSED, missing, f"its resources answer {facts.refused}")
    if unlisted and len(unlisted) == len(missing):
        return Liveness(presence, Cause.SHRUNK, missing, f"{_names(unlisted)} of {len(expected)} parts not listed")
    what = _names(frozenset(missing)) if missing else "its sensors"
    return Liveness(presence, Cause.SILENT, missing, f"{what}: listed, but without a number")


def _expected(facts: SubtreeFacts) -> frozenset[str]:
    """Return the parts that should be there: as planned, and as many as there ever were."""
    kinds = facts.planned.keys() | facts.known.keys()
    return frozenset(
        f"{kind}{n}" for kind in kinds for n in range(max(facts.planned.get(kind, 0), facts.known.get(kind, 0)))
    )


def _in_order(name: str) -> tuple[str, int]:
    kind = name.rstrip("0123456789")
    return kind, int(name[len(kind) :] or 0)


def _names(parts: frozenset[str]) -> str:
    return ", ".join(sorted(parts, key=_in_order))


def notice_subtrees(before: Snapshot | None, after: Snapshot) -> list[Finding]:
    """Return which subtrees are missed, in part or whole, and which are there again."""
    findings: list[Finding] = []
    for place, state in after.endpoints.items():
        now, old = state.subtree, before.endpoints.get(place) if before is not None else None
        was = old.subtree if old is not None else None
        if now is None:
            continue
        found, tray = now.liveness, leaf_of(tray_of(place))
        if found.presence is Presence.PRESENT and was is not None and was.missed:
            text = f"{tray} {now.name} is there again behind its {leaf_of(place)}"
            findings.append(Finding(place, "subtree.present", Severity.OK, text))
        elif found.presence in MISSED and (was is None or was.since != now.since):
            gone = f" without {_names(frozenset(found.missing))}" if found.presence is Presence.PARTIAL else ""
            text = f"{tray} {now.name} is {found.presence}{gone} while its {leaf_of(place)} answers: {found.why}"
            findings.append(Finding(place, f"subtree.{found.presence}", Severity.WARNING, text))
    return findings
