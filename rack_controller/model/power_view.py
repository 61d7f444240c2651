"""What is said of a rack's power budget: limits against draw, claims, who is held and by what, jobs with energy."""

import msgspec


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
    unknown); `binds`: it holds somebody now; `shortfall`: by how much floors alone pass it, `shed` what to take off."""

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
    request that it gets (0 to 1), `held_by` the limit that holds it."""

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


class HeldView(msgspec.Struct, frozen=True):
    """One GPU that may draw less than its device would let it: by which `layer`, to how much, since when, and what
    would free it.  `layers`: every limit on it, the lowest first."""

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


class PowerView(msgspec.Struct, frozen=True):
    """The budget at one rack.  `mode` shadow or armed, empty: no policy covers the rack; `why` says what keeps an armed
    budget from writing here.  `stranded_w`: what the rack could use and its claims ask for, and another limit keeps.
    `writes`: limits sent since the start; in shadow, that would have been."""

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
