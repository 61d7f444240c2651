"""How alive the part behind an endpoint is, by value: each way of being gone looks different and is named."""

from typing import Any

import pytest

from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.liveness import SubtreeFacts, decide_liveness, next_state
from rack_controller.model.liveness import Cause, Liveness, Presence, SubtreeState
from rack_controller.model.snapshot import ManagementAxis, PowerAxis

GPUS = frozenset(f"gpu{n}" for n in range(4))


def facts(**changes: Any) -> SubtreeFacts:
    """Return the facts of a healthy board with four GPUs, changed."""
    healthy: dict[str, Any] = {
        "name": "hmc",
        "management": ManagementAxis.REACHABLE,
        "power": PowerAxis.ON,
        "planned": {"gpu": 4},
        "known": {"gpu": 4},
        "listed": GPUS,
        "live": GPUS,
        "sensors": 40,
        "good": 40,
    }
    return SubtreeFacts(**{**healthy, **changes})


CASES: list[tuple[dict[str, Any], Presence, Cause, int, str]] = [
    ({}, Presence.PRESENT, Cause.NONE, 0, ""),
    # A tray that is off or not heard says nothing about its board.
    ({"power": PowerAxis.OFF, "live": frozenset()}, Presence.UNKNOWN, Cause.NONE, 0, "off"),
    ({"management": ManagementAxis.ABSENT, "live": frozenset()}, Presence.UNKNOWN, Cause.NONE, 0, "absent"),
    ({"management": ManagementAxis.DEGRADED, "live": frozenset()}, Presence.UNKNOWN, Cause.NONE, 0, "degraded"),
    # The four ways of being gone.
    ({"live": frozenset(), "refused": "EndpointRefused 503"}, Presence.ABSENT, Cause.REFUSED, 4, "503"),
    ({"live": frozenset(), "refused": "ResourceMissing 404"}, Presence.ABSENT, Cause.REFUSED, 4, "404"),
    ({"live": frozenset(), "listed": frozenset(), "sensors": 0}, Presence.ABSENT, Cause.SHRUNK, 4, "not listed"),
    ({"live": frozenset(), "good": 0}, Presence.ABSENT, Cause.SILENT, 4, "without a number"),
    ({"stalled": GPUS}, Presence.FROZEN, Cause.STALLED, 0, "stands still"),
    # A part of it.
    ({"live": GPUS - {"gpu2"}}, Presence.PARTIAL, Cause.SILENT, 1, "gpu2: listed"),
    ({"live": GPUS - {"gpu2"}, "listed": GPUS - {"gpu2"}}, Presence.PARTIAL, Cause.SHRUNK, 1, "gpu2 of 4"),
    ({"live": GPUS - {"gpu1"}, "refused": "EndpointRefused 503"}, Presence.PARTIAL, Cause.REFUSED, 1, "503"),
    ({"dark": frozenset({"gpu3"})}, Presence.PARTIAL, Cause.DARK, 1, "no link of gpu3"),
    ({"stalled": frozenset({"gpu3"})}, Presence.PRESENT, Cause.NONE, 0, ""),
    # Against the generation, and against what was there before.
    ({"known": {}, "live": frozenset(), "listed": frozenset()}, Presence.ABSENT, Cause.SHRUNK, 4, "of 4"),
    ({"planned": {}, "known": {"gpu": 4}, "live": GPUS - {"gpu3"}}, Presence.PARTIAL, Cause.SILENT, 1, "gpu3"),
    ({"planned": {"gpu": 8}, "listed": GPUS}, Presence.PARTIAL, Cause.SHRUNK, 4, "gpu4, gpu5, gpu6, gpu7"),
    # Nobody plans it and nobody ever saw it: nothing is missed.
    ({"planned": {}, "known": {}, "sensors": 0, "live": frozenset()}, Presence.UNKNOWN, Cause.NONE, 0, "nothing"),
    ({"planned": {}, "known": {}, "good": 0, "live": frozenset()}, Presence.ABSENT, Cause.SILENT, 0, "its sensors"),
    # What was listed and not read yet is waited for.
    ({"live": frozenset(), "unread": GPUS}, Presence.UNKNOWN, Cause.NONE, 0, "not read yet"),
]


@pytest.mark.parametrize(("changes", "presence", "cause", "missing", "why"), CASES)
def test_each_way_of_being_gone_has_its_name(
    changes: dict[str, Any], presence: Presence, cause: Cause, missing: int, why: str
) -> None:
    found = decide_liveness(facts(**changes))
    assert (found.presence, found.cause, len(found.missing)) == (presence, cause, missing)
    assert why in found.why


def test_missing_parts_are_named_in_their_order() -> None:
    many = frozenset(f"gpu{n}" for n in range(12))
    found = decide_liveness(facts(planned={"gpu": 12}, known={}, listed=many, live=frozenset({"gpu5"})))
    assert found.missing == tuple(f"gpu{n}" for n in range(12) if n != 5)


def test_a_state_keeps_its_age_and_remembers_what_was_missed() -> None:
    absent, unknown = Liveness(Presence.ABSENT, Cause.REFUSED, ("gpu0",)), Liveness(Presence.UNKNOWN)
    first = next_state(None, "hmc", absent, Seconds(5))
    assert first == SubtreeState("hmc", absent, Seconds(5), missed=True)
    assert next_state(first, "hmc", absent, Seconds(9)).since == 5
    silent = next_state(first, "hmc", unknown, Seconds(10))
    assert (silent.since, silent.missed) == (10, True)
    back = next_state(silent, "hmc", Liveness(Presence.PRESENT), Seconds(11))
    assert (back.since, back.missed) == (11, False)
