"""What became of an effect, from its intent and what the device shows now.  Pure; the heart of "act once".

Live and after a crash the same rules hold: what was answered is waited for, what may have been lost is looked at, and
only what provably did nothing is asked for again.  What cannot be told apart is held for a person.
"""

from dataclasses import dataclass
from enum import StrEnum

from firmware_bridge.vocabulary.power import PowerAction, PowerSight, PowerState, started_anew
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.effect import Effect, EffectState

_A, _P = PowerAction, PowerState
ENDS_IN: dict[PowerAction, PowerState] = {
    _A.ON: _P.ON,
    _A.GRACEFUL_OFF: _P.OFF,
    _A.FORCE_OFF: _P.OFF,
    _A.GRACEFUL_RESTART: _P.ON,
    _A.FORCE_RESTART: _P.ON,
    _A.AUX_OFF: _P.OFF,
    _A.AUX_CYCLE: _P.UNKNOWN,
}
"""The state that shows an action was done; `unknown`: the state of the host says nothing of it."""
_PASSING = frozenset({_P.POWERING_ON, _P.POWERING_OFF})
_ASKS = frozenset({_A.GRACEFUL_OFF, _A.GRACEFUL_RESTART})
"""Actions that a host may be asked for and ignore: that nothing happened does not show that nothing arrived."""
_RESTARTS = frozenset({_A.GRACEFUL_RESTART, _A.FORCE_RESTART, _A.AUX_CYCLE})


class Verdict(StrEnum):
    """`wait`: look again later.  `repeat`: it never reached the device.  The rest are ends of an effect."""

    WAIT = "wait"
    OBSERVED = "observed"
    UNSEEN = "unseen"
    REPEAT = "repeat"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Resolution:
    """A verdict and its reason in an operator's words."""

    verdict: Verdict
    why: str


def resolve(effect: Effect, sight: PowerSight | None, waited: Seconds, within: Seconds, request: Seconds) -> Resolution:
    """Judge an open effect.

    `sight` is a look taken after the request ended or the controller began anew, None when the device did not answer.
    `waited`: for how long this process has been looking; `within`: how long what was asked for may take to be seen;
    `request`: after it nothing of ours is still on its way to the device.
    """
    action = PowerAction(effect.action)
    certain = effect.state is EffectState.ANSWERED
    limit = within if certain else Seconds(within + request)
    late = waited >= limit
    if action is _A.AUX_OFF:
        return _aux_off(sight, certain, late)
    if sight is None or sight.state is _P.UNKNOWN:
        said = "it does not answer" if sight is None else "it does not say whether it is on"
        return Resolution(Verdict.HELD, said) if late else Resolution(Verdict.WAIT, said)
    if _seen(action, effect, sight):
        return Resolution(Verdict.OBSERVED, f"seen {sight.state}")
    if sight.state in _PASSING and not late:
        return Resolution(Verdict.WAIT, f"it is {sight.state.replace('_', ' ')}")
    if certain:
        return _answered(action, effect, sight, late)
    return _uncertain(action, effect, sight, late)


def _answered(action: PowerAction, effect: Effect, sight: PowerSight, late: bool) -> Resolution:
    if not late:
        return Resolution(Verdict.WAIT, f"accepted; it is still {sight.state}")
    if action in _RESTARTS and not _marks(action, effect, sight):
        return Resolution(Verdict.HELD, "accepted; the device does not tell whether it has started anew")
    return Resolution(Verdict.UNSEEN, f"accepted, and still {sight.state.replace('_', ' ')}")


def _uncertain(action: PowerAction, effect: Effect, sight: PowerSight, late: bool) -> Resolution:
    """Nobody knows whether the device got the request."""
    marks = _marks(action, effect, sight)
    if not marks:
        if not late:
            return Resolution(Verdict.WAIT, "whether it got the request is not known")
        return Resolution(Verdict.HELD, f"it is {sight.state}; the device does not tell whether it has started since")
    if started_anew(*marks):
        # It has started since: it acted, and something else has switched it since.
        return Resolution(Verdict.UNSEEN, f"it has started since, and is {sight.state} now")
    if not late:
        return Resolution(Verdict.WAIT, f"still {sight.state}; whether it got the request is not known")
    if action in _ASKS:
        return Resolution(Verdict.HELD, f"it is {sight.state}: either it was never asked, or its host did not listen")
    if sight.state == effect.before.power:
        return Resolution(Verdict.REPEAT, f"still {sight.state}, not started since: it never got the request")
    return Resolution(Verdict.HELD, f"it was {effect.before.power} and is {sight.state.replace('_', ' ')}")


def _aux_off(sight: PowerSight | None, certain: bool, late: bool) -> Resolution:
    """Without auxiliary power nothing answers: silence shows it only after the device has said yes."""
    if sight is None and certain:
        return Resolution(Verdict.OBSERVED, "accepted, and its controller went silent")
    if not late:
        return Resolution(Verdict.WAIT, "its controller still answers" if sight else "it does not answer")
    if sight is not None and certain:
        return Resolution(Verdict.UNSEEN, "accepted, and its controller still answers")
    return Resolution(Verdict.HELD, "whether it got the request is not known")


def _seen(action: PowerAction, effect: Effect, sight: PowerSight) -> bool:
    ends = ENDS_IN[action]
    if action in _RESTARTS:
        marks = _marks(action, effect, sight)
        return marks is not None and started_anew(*marks) and ends in (sight.state, _P.UNKNOWN)
    return sight.state is ends


def _marks(action: PowerAction, effect: Effect, sight: PowerSight) -> tuple[str, str] | None:
    """Return what tells starts apart, before and now; None when the device does not say it."""
    if action is _A.AUX_CYCLE:
        before, after = effect.before.controller_marker, sight.controller_marker
    else:
        before, after = effect.before.marker, sight.boot_marker
    return (before, after) if before and after else None
