"""What is kept of an acceptance run: JSON-able, written after every step, read again to go on."""

import msgspec

from rack_controller.prove.accept.verdict import Finding, Measured, Outcome


def times(count: int) -> str:
    """Return how often in words."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


class StepRecord(msgspec.Struct, frozen=True):
    """How one step of one rack ended.  `tries`: 1, or more when it was repeated; `parts_out`: found twice.

    `raw` and `raw_sha256` name the file with the series that were read, empty where none were kept.
    `cut`: how often it was under way before when the run's process died, and was begun anew.
    """

    id: str
    title: str
    level: str
    required: bool
    outcome: Outcome
    began_s: float
    took_s: float
    tries: int
    measures: list[Measured]
    parts_out: list[str] = []
    not_again: list[Finding] = []
    why: str = ""
    raw: str = ""
    raw_sha256: str = ""
    cut: int = 0

    @property
    def said(self) -> str:
        """Return what else is to be said of how it ended: why, and whether the run was cut in it."""
        again = f"begun anew {times(self.cut)}, as the run was cut in it" if self.cut else ""
        return "; ".join(filter(None, (self.why, again)))

    @property
    def findings(self) -> list[Finding]:
        """Everything that was found, of all measures."""
        return [f for m in self.measures for f in m.findings]


class RunRecord(msgspec.Struct, frozen=True):
    """One rack's acceptance so far: `outcome` is None while it goes on.

    `plan_sha256`: of the plan's text; `seeds`: what made virtual racks, empty for real ones;
    `planted`: the fault planted in one.  `together`: the runs of racks that are accepted together, this one among them,
    with the rack of each, empty for a rack by itself; the first one leads.  `before`: the run of this rack that counts
    as what came before.  `design_sha256`: of what files of the installation's own say of the design, empty where all of
    it ships; `shipped_sha256`: of what files that ship say of it, empty of runs that began before that was kept;
    `design_changed_after`: steps after which an upgrade of the product had changed what ships of it.  `accepts`: as the
    plan says; `emulated`: the rack that runs is an emulator's.
    """

    schema_version: int
    id: str
    rack: str
    generation: str
    plan: str
    plan_sha256: str
    level: str
    rig: str
    seeds: dict[str, int]
    software: str
    began_unix_ns: int
    planted: str = ""
    steps: list[StepRecord] = []
    outcome: Outcome | None = None
    why: str = ""
    together: dict[str, str] = {}
    before: str = ""
    design_sha256: str = ""
    shipped_sha256: str = ""
    design_changed_after: list[str] = []
    accepts: bool = True
    emulated: bool = False

    @property
    def findings(self) -> list[Finding]:
        """Everything that was found, of all steps."""
        return [f for s in self.steps for f in s.findings]

    @property
    def faults_too(self) -> bool:
        """Return whether a run that was not measured in full found faults as well: its outcome alone hides them."""
        return self.outcome is Outcome.ERROR and any(not f.error for f in self.findings)

    def names(self, steps: list[str], parts: list[str]) -> bool:
        """Return whether one of these steps named one of these parts."""
        return any(f.place in parts for s in self.steps if s.id in steps for f in s.findings)
