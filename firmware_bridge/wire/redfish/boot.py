"""A host's boot source override between its document and ours (DSP0268 ComputerSystem.Boot).  Pure."""

from typing import Any

from firmware_bridge.vocabulary.power import BootFor, BootSight
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document

_TARGET, _ENABLED, _MODE = "BootSourceOverrideTarget", "BootSourceOverrideEnabled", "BootSourceOverrideMode"
_MOST = 64
_SPANS = {"Once": BootFor.ONCE, "Continuous": BootFor.CONTINUOUS, "Disabled": BootFor.DISABLED}
_WORDS = {span: word for word, span in _SPANS.items()}


def boot_sight(system: Document) -> BootSight | None:
    """Return the override of a system, None where it shows none."""
    boot = system.get("Boot")
    if not isinstance(boot, dict) or (_TARGET not in boot and _ENABLED not in boot):
        return None
    return BootSight(
        target=scrub(boot.get(_TARGET), _MOST) or "None",
        span=_SPANS.get(str(boot.get(_ENABLED)), BootFor.DISABLED),
        mode=scrub(boot.get(_MODE), _MOST),
        targets=_allowed(boot, _TARGET),
        spans=tuple(_SPANS[w] for w in _allowed(boot, _ENABLED) if w in _SPANS),
        modes=_allowed(boot, _MODE),
    )


def boot_change(target: str, span: BootFor, mode: str = "") -> Document:
    """Return the body of the PATCH that sets an override; a target is not sent with `disabled`, it means nothing."""
    boot: dict[str, Any] = {_ENABLED: _WORDS[span]}
    if span is not BootFor.DISABLED:
        boot[_TARGET] = target
    if mode:
        boot[_MODE] = mode
    return {"Boot": boot}


def _allowed(boot: dict[str, Any], name: str) -> tuple[str, ...]:
    values = boot.get(f"{name}@Redfish.AllowableValues")
    return tuple(scrub(v, _MOST) for v in values if isinstance(v, str)) if isinstance(values, list) else ()
