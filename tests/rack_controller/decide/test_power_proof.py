"""What a look proves of a power action whose answer was lost: only what was not so before."""

import itertools

import pytest

from firmware_bridge.vocabulary.power import PowerAction, PowerDepth, PowerSight, PowerState
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.power_proof import was_heard

A, S = PowerAction, PowerState


def sight(state: PowerState, marker: str = "m") -> PowerSight:
    return PowerSight(state, PowerDepth.NONE, Seconds(0.0), marker, frozenset())


@pytest.mark.parametrize(
    ("action", "before", "after", "heard"),
    [
        (A.FORCE_OFF, S.ON, S.POWERING_OFF, True),
        (A.FORCE_OFF, S.ON, S.OFF, True),
        (A.FORCE_OFF, S.ON, S.ON, False),
        (A.FORCE_OFF, S.OFF, S.OFF, False),
        (A.GRACEFUL_OFF, S.ON, S.UNKNOWN, False),
        (A.ON, S.OFF, S.POWERING_ON, True),
        (A.ON, S.ON, S.ON, False),
        (A.ON, S.UNKNOWN, S.ON, False),
        (A.FORCE_RESTART, S.ON, S.POWERING_ON, True),
        (A.FORCE_RESTART, S.ON, S.ON, False),
        (A.AUX_CYCLE, S.ON, S.OFF, False),
    ],
)
def test_only_a_change_that_the_action_leads_to_proves_it(
    action: PowerAction, before: PowerState, after: PowerState, heard: bool
) -> None:
    assert was_heard(action, sight(before), sight(after)) is heard


def test_a_new_boot_proves_a_restart_and_nothing_else() -> None:
    assert was_heard(A.FORCE_RESTART, sight(S.ON, "a"), sight(S.ON, "b"))
    assert not was_heard(A.FORCE_OFF, sight(S.ON, "a"), sight(S.ON, "b"))
    assert not was_heard(A.FORCE_RESTART, sight(S.ON, ""), sight(S.ON, ""))


def test_nothing_is_proven_without_a_look_before_or_by_what_stayed() -> None:
    for action, state in itertools.product(A, S):
        assert not was_heard(action, None, sight(state))
        assert not was_heard(action, sight(state), sight(state))
