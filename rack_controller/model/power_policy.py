"""Power budgets as data: who may draw how much together, who comes first, and whether anything is written.

`check_power` refuses what contradicts itself; whether guarantees fit a site's real racks is judged where those are
known (`decide/budget/agree.py`).
"""

import fnmatch
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import msgspec

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.supply import Redundancy

KIND = "power"
REST = "everybody else"
"""The claim of every device that no tenant and no job has."""
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
_Glob = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Positive = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
_Limit = Annotated[float, msgspec.Meta(ge=0.1, le=1e6)]
_NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
_Priority = Annotated[int, msgspec.Meta(ge=0, le=100)]
_Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
_Rate = Annotated[float, msgspec.Meta(ge=0.01, le=1e5)]


class Mode(StrEnum):
    """`shadow`: what would be written is worked out and shown; `armed`: it is written."""

    SHADOW = "shadow"
    ARMED = "armed"


class AfterLoss(StrEnum):
    """What is lived through once something is lost: another single loss of what is left, or nothing more."""

    PROTECT = "protect"
    HOLD = "hold"


class PowerBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`limit_kw` at the feeds of the `racks` (globs over rack places or their last part) together."""

    name: _Name
    racks: Annotated[list[_Glob], msgspec.Meta(min_length=1)]
    limit_kw: _Limit


class Tenant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the GPUs at `places` (globs, in full or from the rack on) belong to.  Priority: the smaller comes first.

    `guarantee_kw`: what its GPUs get together whoever else asks; `most_kw`: what they get together at most, shared
    alike; `floor_w`: the least for each of them.
    """

    name: _Name
    places: Annotated[list[_Glob], msgspec.Meta(min_length=1)]
    priority: _Priority = 10
    weight: _Positive = 1.0
    guarantee_kw: _NotNegative = 0.0
    most_kw: _Positive | None = None
    floor_w: _NotNegative = 0.0


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What works in step on the GPUs at `members`: all of them get one common level."""

    name: _Name
    members: Annotated[list[_Glob], msgspec.Meta(min_length=1)]
    priority: _Priority = 10
    weight: _Positive = 1.0
    synchronous: bool = True


class Staleness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds.  `raise_s`: what was seen longer ago raises nothing; `read_s`: a limit that was read back longer ago is
    unknown; `settle_s`: how old a limit that was read back must
    be for the power to have followed; `rewrite_s`: a write that does not read back is sent again."""

    raise_s: _Positive = 3.5
    read_s: _Positive = 35.0
    settle_s: _NotNegative = 0.3
    rewrite_s: _Positive = 4.0


class InBand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits through the hosts' agents: whether they are granted at all, and for how many seconds."""

    use: bool = True
    lasts_s: Annotated[float, msgspec.Meta(ge=2.0, le=60.0)] = 5.0


class Shedding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When floors alone pass a limit.  `acts`: an armed budget switches trays off, the last priority first; else it
    only says which.  `after_s`: so long a shortfall lasts first; `graceful_s`: a host that was asked is forced after
    that."""

    acts: bool = True
    after_s: _Positive = 10.0
    graceful_s: _Positive = 60.0


class Ramp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast the `racks` (globs) together may draw more and less, kW/s at their feeds, kept by limits alone.

    `storage_kj` takes up edges by itself; `storage_from` says what it is and who says so.  A load that is low for
    longer than `pause_s` is a pause, and rises with the ramp afterwards.  `floor_w` is refused: no port sets one."""

    name: _Name
    racks: Annotated[list[_Glob], msgspec.Meta(min_length=1)]
    up_kw_s: _Rate
    down_kw_s: _Rate
    mode: Mode = Mode.SHADOW
    storage_kj: _NotNegative = 0.0
    storage_from: Annotated[str, msgspec.Meta(max_length=120)] = ""
    pause_s: Annotated[float, msgspec.Meta(ge=1.0, le=600.0)] = 5.0
    floor_w: _NotNegative = 0.0


class PowerPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The spec.  A decision every `period_ms`, raises only every `raise_ms`, none smaller than `step_w`: devices are
    fragile.  Where every limit is kept, what a GPU was told changes by no less than `band` of it, and is lowered for
    another's sake every `trade_ms` at most.  `react_s`: how long software needs from a loss to caps that hold; hardware
    that carries a loss for less long does not count.  `spend_heat`: share of breakers' heat reserve that a loss may
    spend in that time.  `reserve`: share of every limit that is never granted; `doubt`: of the law of what follows the
    GPUs, until a rack's own meter has shown otherwise.  `cooling`: whether coolant follows what is granted; left out,
    its units see to it themselves.  `ramps`: how fast racks may draw more and less."""

    mode: Mode = Mode.SHADOW
    period_ms: Annotated[int, msgspec.Meta(ge=100, le=10_000)] = 500
    raise_ms: Annotated[int, msgspec.Meta(ge=100, le=60_000)] = 2_000
    step_w: _Positive = 10.0
    band: _Share = 0.03
    trade_ms: Annotated[int, msgspec.Meta(ge=100, le=600_000)] = 8_000
    react_s: _Positive = 3.0
    redundancy: Redundancy | None = None
    after_loss: AfterLoss = AfterLoss.PROTECT
    spend_heat: _Share = 0.0
    reserve: _Share = 0.01
    doubt: _Share = 0.10
    cooling: Mode | None = None
    stale: Staleness = Staleness()
    in_band: InBand = InBand()
    shed: Shedding = Shedding()
    budgets: list[PowerBudget] = []
    tenants: list[Tenant] = []
    jobs: list[Job] = []
    ramps: list[Ramp] = []


class SpecInvalid(ValueError):
    """A spec contradicts itself at `path` (`tenants[1].guarantee_kw`)."""

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(expected)
        self.path = path


def parse_power(spec: object) -> PowerPolicy:
    """Return the policy.  Raises ValueError with the field's path, SpecInvalid where it contradicts itself."""
    try:
        policy = msgspec.convert(spec, PowerPolicy)
    except msgspec.ValidationError as err:
        said, _, pointer = str(err).partition(" - at `$.")
        raise SpecInvalid(pointer.rstrip("`"), said) from err
    return check_power(policy)


def check_power(policy: PowerPolicy) -> PowerPolicy:
    """Return the policy.  Raises SpecInvalid for names that come twice, floors above caps, ramps nobody can keep."""
    names = {
        "budgets": [b.name for b in policy.budgets],
        "tenants": [t.name for t in policy.tenants],
        "jobs": [j.name for j in policy.jobs],
        "ramps": [r.name for r in policy.ramps],
    }
    for kind, named in names.items():
        for n, name in enumerate(named):
            if name in named[:n]:
                raise SpecInvalid(f"{kind}[{n}].name", f"expected a name of its own, {name!r} is taken")
    for n, tenant in enumerate(policy.tenants):
        if tenant.most_kw is not None and tenant.guarantee_kw > tenant.most_kw:
            said = f"expected at most most_kw, {tenant.guarantee_kw:g} kW is above {tenant.most_kw:g} kW"
            raise SpecInvalid(f"tenants[{n}].guarantee_kw", said)
    for n, ramp in enumerate(policy.ramps):
        if ramp.storage_kj and not ramp.storage_from.strip():
            raise SpecInvalid(
                f"ramps[{n}].storage_from", "expected what the storage is, and who says how much it holds"
            )
        if ramp.floor_w:
            said = "expected none: no device port sets a smoothing floor, so that power can only be held back"
            raise SpecInvalid(f"ramps[{n}].floor_w", said)
    return policy


def covers(globs: Iterable[str], place: Place) -> bool:
    """Return whether one of `globs` names a place, in full, or from any of its parts on: `k01/u1*`, `u12/gpu0`."""
    parts = place.split("/")
    tails = ["/".join(parts[n:]) for n in range(len(parts))]
    wanted = [each for glob in globs for each in (glob, f"{glob}/*")]
    return any(fnmatch.fnmatchcase(tail, glob) for glob in wanted for tail in tails)


def covers_any(globs: Iterable[str], places: Iterable[Place]) -> bool:
    """Return whether one of `globs` names one of `places`."""
    wanted = list(globs)
    return any(covers(wanted, place) for place in places)
