"""Which kinds of policy have a spec that is read, and by what."""

from collections.abc import Callable

from rack_controller.model.interlock import KIND as INTERLOCK
from rack_controller.model.interlock import parse_interlock
from rack_controller.model.policy import Policy
from rack_controller.model.power_policy import KIND as POWER
from rack_controller.model.power_policy import parse_power

SPECS: dict[str, Callable[[object], object]] = {INTERLOCK: parse_interlock, POWER: parse_power}


def check_spec(policy: Policy) -> None:
    """Check the spec where its kind is known.  Raises ValueError that says what is wrong in it."""
    read = SPECS.get(policy.kind)
    if read is not None:
        read(policy.spec)
