"""The desk of acceptance runs: begun, looked at, stopped, answered, waived, reported, proven.  Judges nothing itself.

Everything here reads or writes files: call it off the event loop.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from datacenter_api import __version__
from datacenter_api.acceptance.ahead import plan_file
from datacenter_api.acceptance.barcode import Fit, check
from datacenter_api.acceptance.beside import beside
from datacenter_api.acceptance.bundle import bundle
from datacenter_api.acceptance.photos import keep_photo, read_photo
from datacenter_api.acceptance.shown import FORMS, Checked, Photo, PlannedStep, RunRow, RunView, Taken
from datacenter_api.acceptance.sources import source_of
from datacenter_api.acceptance.waivers import add_waiver, waivers_of
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, ConfigurationError, PreconditionFailed, TargetUnknown
from rack_controller.acceptance.begin import Wish, begin, begin_together
from rack_controller.acceptance.designs import design_or_why
from rack_controller.acceptance.give_up import give_up, still_owed
from rack_controller.acceptance.kept import alone, settle_together
from rack_controller.acceptance.launch import LOG, leading, members, start
from rack_controller.acceptance.look_back import plan_of_run
from rack_controller.acceptance.one_run import goes_on, refuse_others
from rack_controller.acceptance.progress import (
    PATIENCE_S,
    Answer,
    Stop,
    answers_of,
    ask_to_stop,
    asked_of,
    hand_in,
    progress_of,
    stop_of,
)
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.run import FOLDER, HANDED, RECORD, RunFolder, runs_in, suspects_of
from rack_controller.acceptance.sealed_record import KnownKeys, look_at_record
from rack_controller.prove.accept.plan import Level
from rack_controller.prove.report.as_html import as_html
from rack_controller.prove.report.as_pdf import as_pdf
from rack_controller.prove.report.make import report_of
from rack_controller.prove.report.model import PassportSummary, Waiver
from rack_controller.prove.run_files import DRAWN_FROM, EVIDENCE, WAIVERS, Beside, look_at_run
from rack_controller.prove.seal import SUFFIX
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

MOST_LOG_BYTES = 4096
NO_WORD = "it left no word"


@dataclass(frozen=True, slots=True)
class AcceptanceDesk:
    """The runs of one state directory."""

    state: Path

    def begin(
        self,
        generation: str,
        level: str,
        actor: str,
        *,
        rack: str = "",
        racks: Sequence[str] = (),
        seed: int = 0,
        planted: str = "",
        token: str = "",
        plan: str = "",
        plan_text: str = "",
        patience_s: float = PATIENCE_S,
    ) -> RunRow:
        """Make a run and start its process: of `rack`, of `racks` together (returns the leading one), else of a virtual
        one made from `seed`.

        `token`: a login with which a rack that runs is worked on; `plan`: one of the generation's further plans;
        `plan_text`: one that comes as text; `patience_s`: how long people are given for one thing.

        Raises ConfigurationError and FileInvalid for what cannot be met, EnvironmentUnfit when nothing can be kept.
        """
        file = plan_file(self.state, generation, plan)
        wish = Wish(generation, level, seed, planted, plan=file, rack=rack, plan_text=plan_text, patience_s=patience_s)
        if racks:
            folder = begin_together(wish, racks, self.state, __version__, actor)[0]
        else:
            folder = begin(wish, self.state, __version__, actor)
        start(self.state, folder.path.name, token)
        return self.row(folder)

    def listed(self) -> list[RunRow]:
        """Return every run, the newest first; one that cannot be read says so."""
        keys = KnownKeys.at(self.state)
        return [self.row(folder, keys) for folder in reversed(runs_in(self.state))]

    def row(self, folder: RunFolder, keys: KnownKeys | None = None) -> RunRow:
        """Return a run as it stands in a list; `keys` of this installation, read where None are given."""
        name = folder.path.name
        try:
            kept = folder.read()
            record, running = folder.as_told(kept), goes_on(folder, kept)
            now, waivers = progress_of(folder.path), waivers_of(folder.path)
        except ConfigurationError as err:
            return RunRow(name, "", "", "", "", 0, None, False, 0, 0, 0, None, unreadable=str(err))
        found = [(s.id, f.measure, f.place) for s in record.steps for f in s.findings]
        seal = look_at_record(folder, keys or KnownKeys.at(self.state))
        return RunRow(
            id=record.id,
            rack=record.rack,
            generation=record.generation,
            level=record.level,
            rig=record.rig,
            began_unix_ns=record.began_unix_ns,
            outcome=record.outcome,
            running=running,
            steps=len(record.steps),
            deviations=len(found),
            waived=sum(any(w.covers(*key) for w in waivers) for key in found),
            now=now,
            together=record.together,
            faults_too=record.faults_too,
            altered=seal.altered,
            unproven=seal.unproven,
        )

    def show(self, run: str) -> RunView:
        """Return a run as it is now.  Raises TargetUnknown, ConfigurationError when it cannot be read."""
        folder = self.folder(run)
        kept, path = folder.read(), folder.path
        record, running = folder.as_told(kept), goes_on(folder, kept)
        cut = not running and record.outcome is None
        at_rest = kept.outcome is not None
        design, lacks = design_or_why(record, self.state)
        seal = look_at_record(folder, KnownKeys.at(self.state))
        return RunView(
            record=record,
            steps=_planned(folder, record),
            running=running,
            asked=asked_of(path),
            now=progress_of(path) if running else None,
            stop=stop_of(path),
            answers=answers_of(path),
            waivers=waivers_of(path),
            suspects=suspects_of(record, design),
            trouble=_last_line(leading(folder).path / LOG) if cut else "",
            beside=beside(folder),
            owed=still_owed(path) if cut and not at_rest and record.rig == "live" else "",
            lacks_design=lacks,
            altered=seal.altered,
            unproven=seal.unproven,
        )

    def stop(self, run: str, actor: str, reason: str) -> RunRow:
        """Want a run to end, and those of racks together with its rack.

        Raises TargetUnknown, PreconditionFailed when it has ended already.
        """
        folder = self._open(run)
        for member in members(folder):
            with _still_open(member):
                ask_to_stop(member.path, Stop(actor, time.time_ns(), reason))
        return self.row(folder)

    def go_on(self, run: str, token: str = "") -> RunRow:
        """Start the process of a run that was cut, and of racks together with its rack; `token` as of `begin`.

        One that has its outcome and was cut before it was sealed is only sealed.
        Raises TargetUnknown, PreconditionFailed when it has ended or goes on, RackTaken while another run does.
        """
        folder = self.folder(run)
        record = folder.read()
        _refuse_ended(folder.as_told(record))
        if goes_on(folder, record):
            raise PreconditionFailed(f"run {run} goes on", advice=f"see `rackwright accept show {run}`")
        if record.rig == "live" and record.outcome is None:
            refuse_others(self.state, folder)
        start(self.state, leading(folder).path.name, token)
        return self.row(folder)

    def give_up(self, run: str, actor: str, reason: str) -> RunRow:
        """End a run that no process has as it lies.  Raises TargetUnknown, PreconditionFailed (`give_up.give_up`)."""
        folder = self._open(run)
        give_up(folder, self.state, actor, reason)
        return self.row(folder)

    def take(
        self,
        run: str,
        actor: str,
        step: str,
        *,
        done: bool = False,
        barcode: str = "",
        note: str = "",
        photo: str = "",
        built: Mapping[str, str] | None = None,
    ) -> Taken:
        """Keep what a person hands in; a barcode is held against `built`, serial numbers by place below the rack.

        Raises TargetUnknown for a step or photo that the run lacks, PreconditionFailed when it has ended or when a
        wrong part is said to be done.
        """
        folder = self._open(run)
        self._known_step(folder, step)
        digest = ""
        if photo:
            digest = hashlib.sha256(read_photo(folder.path, photo)[0]).hexdigest()
        scan = None
        if barcode:
            now = progress_of(folder.path)
            scan = check(barcode, now.asks if now else "", built or {})
            note = f"{note} ({scan.said})" if note else scan.said
        wrong = scan is not None and scan.fit in {Fit.WRONG, Fit.UNKNOWN}
        # What was scanned is kept all the same: who scanned the wrong part is part of the evidence.
        answer = Answer(time.time_ns(), actor, step, done and not wrong, barcode, note, photo, digest)
        with _still_open(folder):
            hand_in(folder.path, answer)
        if done and wrong and scan is not None:
            raise PreconditionFailed(scan.said, advice="scan the part that is asked for, or say done without a barcode")
        return Taken(answer, scan.fit.value if scan else "", scan.said if scan else "")

    def take_photo(self, run: str, step: str, content: bytes) -> Photo:
        """Keep a photo of a step.  Raises TargetUnknown, ArgumentsInvalid for what is none, EnvironmentUnfit."""
        folder = self._open(run)
        self._known_step(folder, step)
        with _still_open(folder):
            return Photo(*keep_photo(folder.path, step, content))

    def photo(self, run: str, name: str) -> tuple[bytes, str]:
        """Return a photo and its media type.  Raises TargetUnknown."""
        return read_photo(self.folder(run).path, name)

    def waive(self, run: str, waiver: Waiver) -> list[Waiver]:
        """Take a deviation as it is; return all waivers of the run.

        Raises TargetUnknown, ArgumentsInvalid, PreconditionFailed where the run is not as it was sealed: what was found
        may be another thing then.
        """
        folder = self.folder(run)
        if folder.told().outcome is not None:
            self._must_fit(run, f"nothing of run {run} is waived")
        return add_waiver(folder.path, folder.told(), waiver, SigningKeys(self.state / KEYS).signer())

    def report(self, run: str, form: str, passport: PassportSummary | None = None) -> bytes:
        """Return a run's report.

        Raises TargetUnknown, ArgumentsInvalid, EnvironmentUnfit without typst, PreconditionFailed where what it would
        be drawn from is not what was sealed: nobody is to sign that.
        """
        if form not in FORMS:
            raise ArgumentsInvalid(f"no form {form!r}", advice=f"one of: {', '.join(FORMS)}")
        self._must_fit(run, f"no report is made of run {run}")
        report = report_of(source_of(self.folder(run), self.state, passport))
        return as_pdf(report) if form == "pdf" else as_html(report).encode()

    def bundle(self, run: str) -> IO[bytes]:
        """Return everything that a run kept, as a zip with the same bytes whenever it is asked for, to be closed."""
        return bundle(self.folder(run))

    def verify(self, run: str) -> Checked:
        """Say whether all that a run kept is as it was sealed, by a key of this installation, and what is not."""
        folder = self.folder(run)
        before = [] if folder.told().outcome else ["the run has not ended"]
        try:
            look = look_at_run(folder.files(), SigningKeys(self.state / KEYS).names())
        except ValueError as err:
            return Checked(False, "", [*before, str(err)])
        faults = [*before, *look.faults, *(f"{m.file} is missing" for m in look.missing)]
        if not look.evidence.faults and not look.evidence.trusted:
            faults.append(f"signed by {look.evidence.signer}, which is no key of this installation")
        return Checked(not faults, look.evidence.signer, faults)

    def _must_fit(self, run: str, else_: str) -> None:
        """Raise PreconditionFailed, with what is not done then, where a run is not as it was sealed."""
        if changed := self.changed(run):
            advice = f"see `rackwright verify`, and restore {changed[0].file}"
            raise PreconditionFailed(f"{else_}: {changed[0]}", advice=advice)

    def changed(self, run: str) -> list[Beside]:
        """Return what a run's report is drawn from and is not as it was sealed.  Photos and raw series speak for
        themselves in it: an altered one is named there and not shown.  Raises TargetUnknown.
        """
        files = self.folder(run).files()
        files = files.only([f for f in files if not f.startswith("raw-")])  # they are judged as they are drawn
        if not {EVIDENCE, EVIDENCE + SUFFIX} <= files.keys():
            return []
        look = look_at_run(files, [])
        return [b for b in (*look.beside, *look.missing) if b.file in DRAWN_FROM]

    def folder(self, run: str) -> RunFolder:
        """Return a run's folder.  Raises TargetUnknown."""
        folder = RunFolder(self.state / FOLDER / Path(run).name)
        if not run or not (folder.path / RECORD).is_file():
            raise TargetUnknown(f"there is no run {run[:80]!r}", advice="see `rackwright accept show`")
        settle_together(folder.path, WAIVERS)
        return folder

    def _open(self, run: str) -> RunFolder:
        folder = self.folder(run)
        _refuse_ended(folder.read())
        return folder

    def _known_step(self, folder: RunFolder, step: str) -> None:
        known = [s.id for s in _planned(folder, folder.read())]
        if step not in known:
            raise TargetUnknown(f"the run has no step {step[:64]!r}", advice=f"one of: {', '.join(known)}")


@contextmanager
def _still_open(folder: RunFolder) -> Iterator[None]:
    """Hand something in while nobody seals the run: what comes after its outcome would not be under the seal.

    Raises PreconditionFailed when it has ended meanwhile.
    """
    with alone(folder.path, HANDED):
        _refuse_ended(folder.read())
        yield


def _refuse_ended(record: RunRecord) -> None:
    if record.outcome is not None:
        raise PreconditionFailed(f"run {record.id} has ended: {record.outcome}", advice="begin a new one")


def _planned(folder: RunFolder, record: RunRecord) -> list[PlannedStep]:
    ended = {s.id: s for s in record.steps}
    plan = plan_of_run(folder, record)
    if plan is None:
        return [PlannedStep(s.id, s.title, s.level, s.required, "", s.outcome, len(s.findings)) for s in record.steps]
    return [
        PlannedStep(
            s.id,
            s.title,
            s.level.value,
            s.required,
            s.people,
            ended[s.id].outcome if s.id in ended else None,
            len(ended[s.id].findings) if s.id in ended else 0,
        )
        for s in plan.upto(Level(record.level), together=bool(record.together))
    ]


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - MOST_LOG_BYTES, 0))
            text = file.read(MOST_LOG_BYTES).decode("utf-8", "replace")
    except OSError:
        return NO_WORD
    lines = text.strip().splitlines()
    return lines[-1].removeprefix("rackwright: ")[:400] if lines else NO_WORD
