"""Whether a power action whose answer was lost can be seen to have been heard.  Pure: two sights in, one word out."""

from firmware_bridge.vocabulary.power import PowerAction, PowerSight, PowerState

_A, _S = PowerAction, PowerState
_GOING_OFF = frozenset((_S.POWERING_OFF, _S.OFF))
_COMING_ON = frozenset((_S.POWERING_ON, _S.ON))
_LEADS_TO: dict[PowerAction, frozenset[PowerState]] = {
    _A.ON: _COMING_ON,
    _A.GRACEFUL_OFF: _GOING_OFF,
    _A.FORCE_OFF: _GOING_OFF,
    _A.GRACEFUL_RESTART: _GOING_OFF | {_S.POWERING_ON},
    _A.FORCE_RESTART: _GOING_OFF | {_S.POWERING_ON},
}
"""What a host is seen in that has heard.  Auxiliary power is not here: its controller goes away by itself as well."""


def was_heard(action: PowerAction, before: PowerSight | None, after: PowerSight) -> bool:
    """Return whether the host shows that it has heard `action`; False: it cannot be told.

    A state that was there before proves nothing.  A restart is proven as well by a boot marker that differs.  Without a
    look from before nothing is proven.
    """
    if before is None:
        return False
    restarted = bool(before.boot_marker) and before.boot_marker != after.boot_marker
    if restarted and action in (_A.GRACEFUL_RESTART, _A.FORCE_RESTART):
        return True
    leads = _LEADS_TO.get(action, frozenset())
    return after.state in leads and before.state not in leads and before.state is not _S.UNKNOWN
