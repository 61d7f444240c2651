"""What is said of a rack's power budget: limits against draw, claims, who is held and by what, jobs with energy."""

from enum import StrEnum

import msgspec

from rack_controller.model.power_hint import JobHint
from rack_controller.model.power_layer import LayerWish


class PowerCap(msgspec.Struct, frozen=True):
    """At most `watts` (AC) at `target` (a rack, or a glob over racks) until `until_unix_ns`; there within `within_s` s
    from `begins_unix_ns` on, coming down from `from_w`."""

    id: str
    target: str
    watts: float
    begins_unix_ns: int
    until_unix_ns: int
    within_s: float
    by: str
    reason: str = ""
    from_w: float = 0.0


class LimitView(msgspec.Struct, frozen=True):
    """One limit, in W of AC: `charged` is the most that can be asked of it now, `drawn` what is metered (None:
    unknown); `binds`: it holds somebody now; `unkept`: by how much what was promised passes it, so that promises are
    reduced; `shortfall`: by how much even the least limits do, `shed` what to take off;
    `out_of_band_w`: the most that can be asked of it by what was told over Redfish alone."""

    name: str
    kind: str
    by: str
    limit_w: float
    charged_w: float
    drawn_w: float | None
    headroom_w: float
    binds: bool
    shortfall_w: float = 0.0
    shed: list[str] = []
    out_of_band_w: float = 0.0
    unkept_w: float = 0.0


class UsableView(msgspec.Struct, frozen=True):
    """What a rack may use, W of DC: as it is, under any single supply or shelf, under any feed, and `watts`: now.

    `binding` names the constraint, `lost` the single loss under which it binds; `unprotected`: losses after which
    nothing feeds the rack; `constraints` name, limit W, usable W.
    """

    watts: float
    now_w: float
    n_plus_1_w: float
    n_plus_n_w: float
    wanted: str
    binding: str
    lost: str
    unprotected: list[str] = []
    constraints: list[tuple[str, float, float]] = []


class ClaimView(msgspec.Struct, frozen=True):
    """A job, a tenant or everybody else: `wanted` and `granted` W of its GPUs in this rack, `level` the share of its
    request that it gets (0 to 1), `held_by` the limit that holds it.  `promised` W: what its GPUs here are guaranteed
    (0: nothing beyond the least limits), of which `reduced` W cannot be kept now."""

    name: str
    kind: str
    priority: int
    gpus: int
    wanted_w: float
    granted_w: float
    drawn_w: float | None
    level: float
    held_by: str = ""
    synchronous: bool = False
    promised_w: float = 0.0
    reduced_w: float = 0.0


class InBandView(msgspec.Struct, frozen=True):
    """How a host's agent stands to limits in band: `kept` a grant until `until_unix_ns`, `standing` at what it fell to,
    `silent`, `refused`, or `none` so far; `why` in words."""

    host: str
    state: str
    until_unix_ns: int = 0
    why: str = ""


class HeldView(msgspec.Struct, frozen=True):
    """One GPU that may draw less than its device would let it: by which `layer`, to how much, since when, and what
    would free it.  `layers`: every limit on it, the lowest first.  `road`: how it is kept, `in band` until
    `until_unix_ns` and then at `standing_w`, or `out of band`."""

    place: str
    watts: float
    layer: str
    since_unix_ns: int
    frees: str
    default_w: float
    reads_w: float | None = None
    drawn_w: float | None = None
    charged_w: float = 0.0
    layers: list[tuple[str, float]] = []
    road: str = ""
    until_unix_ns: int = 0
    standing_w: float | None = None


RESERVE_MEANS = (
    "heat reserve: how much warmer a breaker may get than its load for hours makes it, before it comes near its trip; "
    "100% is all of it"
)
"""For people who see a breaker's `reserve`."""


class BreakerView(msgspec.Struct, frozen=True):
    """One breaker, or one pole of it: `nominal_w` it carries for hours, of `rating_w`; `heat` as a share of what trips
    it; `reserve` what is left to be spent above nominal (1: all); `lasts_s` until that is spent at this load, None:
    never; `over_s` it was warmer than nominal, in its own window, since the controller started."""

    name: str
    rating_w: float
    nominal_w: float
    load_w: float
    heat: float
    reserve: float
    lasts_s: float | None
    over_s: float = 0.0


class ShedState(StrEnum):
    """`going`: was told to go off; `off`: is, and is not charged; `coming`: room is made for it to come back."""

    GOING = "going"
    OFF = "off"
    COMING = "coming"


class ShedView(msgspec.Struct, frozen=True):
    """A tray that an armed budget has switched off for a limit which lacked `missing_w` W; `why`: what keeps it off
    now, empty when it may be switched on."""

    tray: str
    state: ShedState
    limit: str
    missing_w: float
    since_unix_ns: int
    operation: str
    why: str = ""


class JobView(msgspec.Struct, frozen=True):
    """A job that was begun: its energy since then, J of AC with its share of what follows, plus or minus `doubt_j`."""

    name: str
    members: list[str]
    priority: int
    synchronous: bool
    begun_unix_ns: int
    by: str
    energy_j: float = 0.0
    doubt_j: float = 0.0
    unseen_s: float = 0.0


class CoolingView(msgspec.Struct, frozen=True):
    """Coolant that follows what is granted: `flow_lpm` measured (None: unknown) and asked for, the supply that is asked
    for, what the measured flow carries (None: all of it), and why.  `shared`: the other racks on the same loop, whose
    units are asked as one."""

    mode: str
    flow_lpm: float | None
    target_lpm: float
    supply_c: float
    carries_w: float | None
    why: str
    shared: list[str] = []


class PauseView(msgspec.Struct, frozen=True):
    """A pause or a stop of a job that somebody said: `in_s` from now on, `for_s` long (0: for good)."""

    job: str
    in_s: float
    for_s: float


class RampView(msgspec.Struct, frozen=True):
    """How fast racks may draw more and less, W/s of AC.  `load_w`: the most that they can be drawing; `may_w`: what may
    be granted to them now; `held_w`: by how much a ramp in shadow would hold back what is drawn.  `rose`, `fell`: the
    steepest five seconds of the last minute on their meters, None unknown.  `edge_w`: what may come at once, since
    storage carries it; `blind_w` of `may_w` is for GPUs that nobody can see or tell anything.  `pauses`: to come, the
    next first, after which `rest_w` falls at once, because GPUs cannot be set to less."""

    name: str
    mode: str
    up_w_s: float
    down_w_s: float
    load_w: float
    may_w: float
    held_w: float = 0.0
    rose_w_s: float | None = None
    fell_w_s: float | None = None
    edge_w: float = 0.0
    storage_kj: float = 0.0
    storage_from: str = ""
    blind_w: float = 0.0
    rest_w: float = 0.0
    pauses: list[PauseView] = []


class PowerView(msgspec.Struct, frozen=True):
    """The budget at one rack.  `mode` shadow or armed, empty: no policy covers the rack; `why` says what keeps an armed
    budget from writing here.  `stranded_w`: what the rack could use and its claims ask for, and another limit keeps.
    `writes`: limits sent since the start; in shadow, that would have been.  `batteries_w`: AC that batteries which are
    not full may take of it.  `layers`: what people set over its GPUs.  `hints`: what was said of jobs beforehand."""

    rack: str
    mode: str
    policy: str = ""
    by: str = ""
    why: str = ""
    period_s: float = 0.0
    step_ms: float = 0.0
    usable: UsableView | None = None
    limits: list[LimitView] = []
    claims: list[ClaimView] = []
    held: list[HeldView] = []
    jobs: list[JobView] = []
    caps: list[PowerCap] = []
    stranded_w: float = 0.0
    stranded_by: str = ""
    writes: int = 0
    age_s: float | None = None
    in_band: list[InBandView] = []
    batteries_w: float = 0.0
    layers: list[LayerWish] = []
    shed: list[ShedView] = []
    breakers: list[BreakerView] = []
    cooling: CoolingView | None = None
    ramps: list[RampView] = []
    hints: list[JobHint] = []


class PolicyShown(msgspec.Struct, frozen=True):
    """The power policy in force: its text, where it came from, by whom and since when (unix ns; 0: from a file)."""

    document: str
    origin: str
    mode: str
    by: str = ""
    since_unix_ns: int = 0


class WhatIfLimit(msgspec.Struct, frozen=True):
    """One limit above the racks, W of AC, and what it would have to carry at full load."""

    name: str
    kind: str
    limit_w: float
    needed_w: float


class PlayedLimit(msgspec.Struct, frozen=True):
    """One limit as the plant saw it, W: the most that it carried, in the middle, least and highest of all seeds."""

    name: str
    kind: str
    limit_w: float
    peak_w: float
    low_w: float
    high_w: float


class PlayedRacks(msgspec.Struct, frozen=True):
    """Racks and new ones played on the plant for `seconds` under a `load`, from `seeds` moments of it: the limits with
    the least left first, as they are and after every single loss; `hottest_c`: of all dies, the middle of the seeds;
    `margin_k`: how far the hottest of all is from slowing down by itself."""

    load: str
    seconds: float
    seeds: int
    fits: bool
    hottest_c: float
    margin_k: float
    limits: list[PlayedLimit] = []


class WhatIf(msgspec.Struct, frozen=True):
    """Whether `racks` more racks like `like` fit.  `full_w` a rack draws at its most; `level`: how far between rest and
    their most all GPUs could be where that does not fit (1 where it does, below 0: not even at rest), at which a rack
    gets `granted_w`; `binding` names the tightest limit, empty: nothing above the racks limits them.  `played`: what
    the plant says under a load, where that was asked for."""

    like: str
    racks: int
    fits: bool
    level: float
    full_w: float
    granted_w: float
    binding: str
    limits: list[WhatIfLimit] = []
    played: PlayedRacks | None = None


class BudgetGlance(msgspec.Struct, frozen=True):
    """A rack's budget in short, said with its endpoints.  W; limits: name, kind, limit, charged; in_band: how many
    hosts are in which state (`InBandView`); shed: how many trays; breakers: name, heat, reserve left; jobs: name, J,
    plus or minus, said by the site's first rack for all of them; ramps: name, W that it may be granted now, W/s that
    meters rose and fell at most (None: unknown)."""

    armed: bool
    usable_w: float
    usable_now_w: float
    stranded_w: float
    shortfall_w: float
    held: int
    writes: int
    step_s: float
    limits: list[tuple[str, str, float, float]] = []
    in_band: dict[str, int] = {}
    shed: int = 0
    breakers: list[tuple[str, float, float]] = []
    jobs: list[tuple[str, float, float]] = []
    ramps: list[tuple[str, float, float | None, float | None]] = []
