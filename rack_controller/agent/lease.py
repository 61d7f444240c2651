"""Which limits a host's GPUs are to have now, by the grants that came and the time that has passed.  Pure.

What a grant gave beyond the standing limits ends with it; nothing here ever raises a limit by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.grants import Grant

OVER = Seconds(float("-inf"))


@dataclass(frozen=True, slots=True)
class Lease:
    """The newest grant that was taken: `granted` and `standing` W by GPU, the former until `until` of our clock.

    An agent that begins anew knows `epoch` and `standing` of before, and no grant.
    """

    epoch: int = 0
    number: int = 0
    until: Seconds = OVER
    granted: Mapping[int, float] = field(default_factory=dict)
    standing: Mapping[int, float] = field(default_factory=dict)


def take(lease: Lease, grant: Grant, said_at: Seconds | None, now: Seconds) -> tuple[Lease, str]:
    """Return the lease after a grant came, and why it was refused, empty when it was taken.

    said_at: when this agent said the message that the grant answers, None when it said none such of late.
    """
    if grant.epoch < lease.epoch:
        return lease, f"controller {grant.epoch} was followed by {lease.epoch}"
    if (grant.epoch, grant.number) <= (lease.epoch, lease.number):
        return lease, f"grant {grant.number} is not newer than {lease.number}"
    if said_at is None:
        return lease, "it answers nothing that this agent said of late"
    until = Seconds(said_at + grant.valid_for_s)
    if until <= now:
        return lease, f"it was over {now - until:.1f} s before it came"
    granted = {each.gpu: each.limit_w for each in grant.gpus}
    standing = {each.gpu: min(each.limit_w, each.standing_w) for each in grant.gpus}
    return Lease(grant.epoch, grant.number, until, granted, standing), ""


def wanted(lease: Lease, now: Seconds) -> Mapping[int, float]:
    """Return the limit that each GPU is to have now, W; none where no controller has ever said one."""
    return lease.granted if now < lease.until else lease.standing
