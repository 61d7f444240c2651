"""What became of an effect: a table of what is seen, and a device of which every history is tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.power import PowerAction, PowerDepth, PowerSight, PowerState
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.resolve import ENDS_IN, Verdict, resolve
from rack_controller.model.effect import Before, Effect, EffectState
from rack_controller.model.lease import Facet

A, P, S, V = PowerAction, PowerState, EffectState, Verdict
WITHIN, REQUEST = Seconds(60.0), Seconds(10.0)
EARLY, LATE, LATEST = Seconds(1.0), Seconds(61.0), Seconds(71.0)


def effect(action: A, state: S, power: str = "off", marker: str = "m1", controller: str = "c1") -> Effect:
    before = Before(power, "", marker, controller)
    return Effect("k", 1, "k01-1", "a/b/c/k01/u12/bmc", Facet.POWER_STATE, action, state, 1, 0, before)


def sight(state: P, marker: str = "m1", controller: str = "c1") -> PowerSight:
    return PowerSight(state, PowerDepth.NONE, Seconds(0.0), marker, frozenset(), controller)


@pytest.mark.parametrize(
    ("action", "state", "before", "seen", "waited", "verdict"),
    [
        # an answer is waited for, and never asked for again
        (A.ON, S.ANSWERED, "off", sight(P.OFF), EARLY, V.WAIT),
        (A.ON, S.ANSWERED, "off", sight(P.POWERING_ON, "m2"), EARLY, V.WAIT),
        (A.ON, S.ANSWERED, "off", sight(P.ON, "m2"), EARLY, V.OBSERVED),
        (A.ON, S.ANSWERED, "off", sight(P.OFF), LATE, V.UNSEEN),
        (A.ON, S.ANSWERED, "off", None, EARLY, V.WAIT),
        (A.ON, S.ANSWERED, "off", None, LATE, V.HELD),
        (A.GRACEFUL_OFF, S.ANSWERED, "on", sight(P.ON), LATE, V.UNSEEN),
        (A.FORCE_RESTART, S.ANSWERED, "on", sight(P.ON, "m2"), EARLY, V.OBSERVED),
        (A.FORCE_RESTART, S.ANSWERED, "on", sight(P.ON), EARLY, V.WAIT),
        (A.FORCE_RESTART, S.ANSWERED, "on", sight(P.ON), LATE, V.UNSEEN),
        (A.FORCE_RESTART, S.ANSWERED, "on", sight(P.ON, ""), LATE, V.HELD),
        # counters that are read one after the other are known to a second or two
        (A.FORCE_RESTART, S.ANSWERED, "on", sight(P.ON, "~3602"), LATE, V.UNSEEN),
        (A.FORCE_RESTART, S.ANSWERED, "on", sight(P.ON, "~3600"), EARLY, V.WAIT),
        (A.FORCE_RESTART, S.ANSWERED, "on", sight(P.ON, "~7200"), EARLY, V.OBSERVED),
        # nobody knows whether it was heard
        (A.ON, S.INTENT, "off", sight(P.ON, "m2"), EARLY, V.OBSERVED),
        (A.ON, S.INTENT, "off", sight(P.OFF), LATE, V.WAIT),
        (A.ON, S.INTENT, "off", sight(P.OFF), LATEST, V.REPEAT),
        (A.ON, S.SENT, "off", sight(P.OFF), LATEST, V.REPEAT),
        (A.ON, S.SENT, "off", sight(P.OFF, "m2"), EARLY, V.UNSEEN),
        (A.ON, S.SENT, "off", sight(P.OFF, ""), LATE, V.WAIT),
        (A.ON, S.SENT, "off", sight(P.OFF, ""), LATEST, V.HELD),
        (A.ON, S.INTENT, "off", sight(P.UNKNOWN), LATEST, V.HELD),
        (A.ON, S.INTENT, "off", None, LATEST, V.HELD),
        (A.FORCE_OFF, S.INTENT, "unknown", sight(P.ON), LATEST, V.HELD),
        (A.GRACEFUL_RESTART, S.SENT, "on", sight(P.ON, "m2"), EARLY, V.OBSERVED),
        (A.GRACEFUL_RESTART, S.SENT, "on", sight(P.OFF), LATEST, V.HELD),
        # a host may have been asked and not have listened
        (A.GRACEFUL_OFF, S.SENT, "on", sight(P.ON), LATE, V.WAIT),
        (A.GRACEFUL_OFF, S.SENT, "on", sight(P.ON), LATEST, V.HELD),
        (A.FORCE_OFF, S.SENT, "on", sight(P.ON), LATEST, V.REPEAT),
        (A.AUX_CYCLE, S.SENT, "off", sight(P.OFF, "m1", "c2"), EARLY, V.OBSERVED),
        (A.AUX_CYCLE, S.ANSWERED, "off", sight(P.OFF), LATE, V.UNSEEN),
        (A.AUX_OFF, S.ANSWERED, "off", None, EARLY, V.OBSERVED),
        (A.AUX_OFF, S.ANSWERED, "off", sight(P.OFF), EARLY, V.WAIT),
        (A.AUX_OFF, S.ANSWERED, "off", sight(P.OFF), LATE, V.UNSEEN),
        (A.AUX_OFF, S.INTENT, "off", None, LATEST, V.HELD),
    ],
)
def test_what_is_seen_decides(
    action: A, state: S, before: str, seen: PowerSight | None, waited: Seconds, verdict: V
) -> None:
    marker = "~3601" if seen is not None and seen.boot_marker.startswith("~") else "m1"
    found = resolve(effect(action, state, before, marker), seen, waited, WITHIN, REQUEST)
    assert found.verdict is verdict, found.why
    assert found.why


@given(
    action=st.sampled_from([A.ON, A.GRACEFUL_OFF, A.FORCE_OFF, A.GRACEFUL_RESTART, A.FORCE_RESTART]),
    state=st.sampled_from([S.INTENT, S.SENT, S.ANSWERED]),
    acted=st.booleans(),
    undone=st.booleans(),
    marked=st.booleans(),
    passing=st.booleans(),
    waited=st.sampled_from([EARLY, LATE, LATEST]),
)
def test_what_a_device_did_is_never_asked_for_again(
    action: A, state: S, acted: bool, undone: bool, marked: bool, passing: bool, waited: Seconds
) -> None:
    """The device acted or not, something else undid it since or not: it is sent again only where it did nothing."""
    before = P.OFF if action is A.ON else P.ON
    starts = action in (A.ON, A.GRACEFUL_RESTART, A.FORCE_RESTART)
    now = ENDS_IN[action] if acted else before
    restarted = acted and starts
    if acted and undone:
        now, restarted = before, True  # to be as before it has been switched once more, or has started for the act
    if passing and acted and not undone and waited < LATE:
        now = P.POWERING_ON if starts else P.POWERING_OFF
    marker = ("m2" if restarted else "m1") if marked else ""
    began = effect(action, state, before, "m1" if marked else "")
    found = resolve(began, sight(now, marker), waited, WITHIN, REQUEST)
    if acted:
        assert found.verdict is not V.REPEAT, found.why
    if state is S.ANSWERED:
        assert found.verdict is not V.REPEAT
    if not acted and state is not S.ANSWERED and marked and waited == LATEST:
        asks = action in (A.GRACEFUL_OFF, A.GRACEFUL_RESTART)
        assert found.verdict is (V.HELD if asks else V.REPEAT), found.why
    if waited == LATEST:
        assert found.verdict is not V.WAIT
