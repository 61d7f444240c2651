"""What the budget is run by: the active policy, jobs that were begun, hints of what they will do, caps for a while.
All of it in the journal.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    EnvironmentUnfit,
    FileInvalid,
    PreconditionFailed,
    TargetUnknown,
)
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.located_yaml import Located, convert, parse
from rack_controller.model.policy import Policy, check_schema, selects
from rack_controller.model.power_hint import JobHint
from rack_controller.model.power_layer import LayerKind, LayerWish
from rack_controller.model.power_policy import KIND, Job, PowerPolicy, SpecInvalid, parse_power
from rack_controller.model.power_view import PowerCap
from rack_controller.run.journal import Journal

_log = logging.getLogger(__name__)

JOB, CAP, LAYER, HINT = "power_job", "power_cap", "power_layer", "power_hint"
MOST_JOBS, MOST_CAPS, MOST_LAYERS = 500, 100, 500
AGAIN_S = 60.0
"""How often the journal is asked again to forget what is over, while it refuses writes."""
SENT = "the policy"
"""What a policy that came by command is called in complaints."""


class RunningJob(msgspec.Struct, frozen=True):
    """A job that somebody began."""

    job: Job
    begun_unix_ns: int
    by: str


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """A policy in force: where it came from, by whom, and the text it was read from."""

    policy: Policy
    spec: PowerPolicy
    document: Located
    text: str
    origin: str
    by: str = ""
    since_unix_ns: int = 0

    def complaint(self, err: SpecInvalid) -> FileInvalid:
        """Return what is wrong in the spec as an error with file and line."""
        return self.document.complaint(f"spec.{err.path}" if err.path else "spec", str(err))


def read_power(text: str, file: str) -> ActivePolicy:
    """Read a power policy.  Raises FileInvalid with file, line and reason."""
    document = parse(text, file)
    policy = convert(document, "", Policy)
    if policy.kind != KIND:
        raise document.complaint("kind", f"expected {KIND}, got {policy.kind}")
    try:
        spec = parse_power(check_schema(policy).spec)
    except SpecInvalid as err:
        raise document.complaint(f"spec.{err.path}" if err.path else "spec", str(err)) from err
    except ValueError as err:
        raise document.complaint("schema", str(err)) from err
    return ActivePolicy(policy, spec, document, text, file)


@dataclass(slots=True)
class Book:
    """See the module.  `fits(policy, jobs)` raises SpecInvalid where a policy does not fit the racks; `known(policy)`
    where it names racks that are not there, which is asked of a new policy only: racks leave."""

    journal: Journal
    clock: Clock
    active: ActivePolicy | None
    fits: Callable[[PowerPolicy, list[Job]], None]
    known: Callable[[PowerPolicy], None] = lambda _policy: None
    jobs: dict[str, RunningJob] = field(default_factory=dict)
    caps: dict[str, PowerCap] = field(default_factory=dict)
    layers: dict[str, LayerWish] = field(default_factory=dict)
    hints: dict[str, JobHint] = field(default_factory=dict)
    changes: int = 0
    _over: set[tuple[str, str]] = field(default_factory=set, init=False)  # over, and in the journal still
    _again_at: Seconds = field(default=Seconds(0.0), init=False)

    def __post_init__(self) -> None:
        for selector, text, actor, since in self.journal.policies_of(KIND):
            found = read_power(text, f"journal: {KIND} {selector}")
            self.active = ActivePolicy(*(found.policy, found.spec, found.document, text, "applied", actor, since))
        decode = msgspec.json.decode
        self.jobs = {name: decode(text, type=RunningJob) for name, text in self.journal.kept(JOB).items()}
        self.caps = {name: decode(text, type=PowerCap) for name, text in self.journal.kept(CAP).items()}
        self.layers = {key: decode(text, type=LayerWish) for key, text in self.journal.kept(LAYER).items()}
        self.hints = {name: decode(text, type=JobHint) for name, text in self.journal.kept(HINT).items()}

    def covers(self, rack: Place, generation: str) -> bool:
        """Return whether the policy in force covers a rack."""
        return self.active is not None and selects(self.active.policy, rack, generation)

    def apply(self, text: str, actor: str) -> ActivePolicy:
        """Put a policy into force.  Raises FileInvalid, or PreconditionFailed when it conflicts with one that was
        applied for other racks."""
        found = read_power(text, SENT)
        selector = _selector(found.policy)
        for other, _, by, _ in self.journal.policies_of(KIND):
            if other != selector:
                said = f"expected the selector of the power policy that {by} applied, {other}: two would decide"
                raise found.document.complaint("selector", said)
        try:
            self.fits(found.spec, self.running)
            self.known(found.spec)
        except SpecInvalid as err:
            raise found.complaint(err) from err
        now = self.clock.unix_ns()
        self.journal.activate_policy(KIND, selector, text, actor, now)
        self.active = ActivePolicy(*(found.policy, found.spec, found.document, text, "applied", actor, now))
        self.changes += 1
        return self.active

    def retire(self, fallback: ActivePolicy | None) -> None:
        """Take back what was applied; the file's policy is in force again."""
        held = self.journal.policies_of(KIND)
        if not held:
            raise PreconditionFailed("no power policy was applied", advice="what is in force stands in a file")
        for selector, *_ in held:
            self.journal.retire_policy(KIND, selector)
        self.active = fallback
        self.changes += 1

    @property
    def running(self) -> list[Job]:
        """Return the jobs that were begun."""
        return [running.job for running in self.jobs.values()]

    def start(self, job: Job, actor: str) -> None:
        """Begin a job, or give one that runs other members or another priority.  Raises ArgumentsInvalid."""
        policy = self._policy()
        if len(self.jobs) >= MOST_JOBS and job.name not in self.jobs:
            raise PreconditionFailed(f"{MOST_JOBS} jobs run already", advice="end some")
        others = [running.job for name, running in self.jobs.items() if name != job.name]
        try:
            self.fits(policy, [*others, job])
        except SpecInvalid as err:
            raise ArgumentsInvalid(f"job {job.name}: {err}", advice="see `rackwright power job list`") from err
        before = self.jobs.get(job.name)
        begun = self.clock.unix_ns() if before is None else before.begun_unix_ns
        running = RunningJob(job, begun, actor)
        self.journal.keep(JOB, job.name, msgspec.json.encode(running).decode())
        self.jobs[job.name] = running
        self.changes += 1

    def end(self, name: str) -> RunningJob:
        """End a job and what was said of it.  Raises TargetUnknown, or EnvironmentUnfit: then the job goes on, here and
        in the journal."""
        if name not in self.jobs:
            known = ", ".join(sorted(self.jobs)) or "none"
            raise TargetUnknown(f"no job {name!r} was begun", advice=f"jobs that run: {known}")
        if name in self.hints:
            self.unhint(name)
        self.journal.drop(JOB, name)
        self.changes += 1
        return self.jobs.pop(name)

    def hint(self, hint: JobHint) -> None:
        """Keep what is said of a job, instead of what was said before.  Raises TargetUnknown where nobody has begun it
        and no policy names it."""
        known = sorted({*self.jobs, *(job.name for job in self._policy().jobs)})
        if hint.job not in known:
            raise TargetUnknown(f"no job {hint.job!r} runs", advice=f"jobs that run: {', '.join(known) or 'none'}")
        self.journal.keep(HINT, hint.job, msgspec.json.encode(hint).decode())
        self._over.discard((HINT, hint.job))  # what was over was written over
        self.hints[hint.job] = hint

    def unhint(self, name: str) -> JobHint:
        """Forget what was said of a job.  Raises TargetUnknown."""
        if name not in self.hints:
            known = ", ".join(sorted(self.hints)) or "none"
            raise TargetUnknown(f"nothing was said of a job {name!r}", advice=f"jobs with hints: {known}")
        self.journal.drop(HINT, name)
        return self.hints.pop(name)

    def cap(self, cap: PowerCap) -> None:
        """Keep a cap.  Raises PreconditionFailed when there are too many."""
        self._policy()
        if len(self.caps) >= MOST_CAPS:
            raise PreconditionFailed(f"{MOST_CAPS} caps are in force", advice="end some")
        self.journal.keep(CAP, cap.id, msgspec.json.encode(cap).decode())
        self.caps[cap.id] = cap
        self.changes += 1

    def uncap(self, name: str) -> PowerCap:
        """End a cap before its time.  Raises TargetUnknown."""
        if name not in self.caps:
            known = ", ".join(sorted(self.caps)) or "none"
            raise TargetUnknown(f"no cap {name!r}", advice=f"caps in force: {known}")
        self.journal.drop(CAP, name)
        self.changes += 1
        return self.caps.pop(name)

    def lay(self, wish: LayerWish) -> None:
        """Keep a layer that was checked; it replaces one of its kind at the same place.  Raises PreconditionFailed."""
        if len(self.layers) >= MOST_LAYERS and wish.key not in self.layers:
            raise PreconditionFailed(f"{MOST_LAYERS} layers are set", advice="clear some, or set them for a rack")
        self.journal.keep(LAYER, wish.key, msgspec.json.encode(wish).decode())
        self.layers[wish.key] = wish
        self.changes += 1

    def lift(self, target: str, kind: LayerKind | None) -> list[LayerWish]:
        """Clear the layers at a place, of one kind or all, and return them.  Raises TargetUnknown where none is."""
        gone = [w for w in self.layers.values() if w.target == target and kind in (None, w.kind)]
        if not gone:
            known = ", ".join(sorted({w.target for w in self.layers.values()})) or "none"
            raise TargetUnknown(f"no layer is set at {target}", advice=f"layers are set at: {known}")
        for wish in gone:
            self.journal.drop(LAYER, wish.key)
            del self.layers[wish.key]
            self.changes += 1
        return gone

    def expired(self) -> list[PowerCap]:
        """Forget the caps whose time is over, and return them, also while the journal refuses writes."""
        now = self.clock.unix_ns()
        gone = [self.caps.pop(name) for name, cap in list(self.caps.items()) if cap.until_unix_ns <= now]
        self.changes += bool(gone)
        self._forget([(CAP, cap.id) for cap in gone])
        return gone

    def expired_hints(self) -> list[JobHint]:
        """Forget the hints whose time is over, and return them, also while the journal refuses writes."""
        now = self.clock.unix_ns()
        gone = [self.hints.pop(name) for name, hint in list(self.hints.items()) if hint.until_unix_ns <= now]
        self._forget([(HINT, hint.job) for hint in gone])
        return gone

    def _forget(self, over: Sequence[tuple[str, str]]) -> None:
        """Drop what is over from the journal; what that refuses is over all the same, and dropped later."""
        self._over.update(over)
        now = self.clock.now()
        if not self._over or (not over and now < self._again_at):
            return
        for kind, key in sorted(self._over):
            try:
                self.journal.drop(kind, key)
            except EnvironmentUnfit as err:
                _log.warning("%s %s is over and not dropped, tried again in %g s: %s", kind, key, AGAIN_S, err)
                self._again_at = Seconds(now + AGAIN_S)
                return
            self._over.discard((kind, key))

    def _policy(self) -> PowerPolicy:
        if self.active is None:
            raise PreconditionFailed("no power policy is in force", advice="rackwright power policy apply FILE")
        return self.active.spec


def _selector(policy: Policy) -> str:
    return msgspec.json.encode(policy.selector).decode()
