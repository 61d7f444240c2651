"""What proves that racks have passed: sealed acceptance runs of this installation, and those that were handed in.

A run counts by what its sealed file says, and only while its seal holds, of a rack that runs, by a plan that
accepts, under a key that this installation owns or that an offer names.  Nothing is taken from anybody's word.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from datacenter_api.passports.reports import LevelEvidence
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, EnvironmentUnfit
from rack_controller.acceptance.run import EVIDENCE, FOLDER
from rack_controller.evaluation.from_run import SealedRun, judge_sealed_run, read_sealed_run
from rack_controller.prove.seal import SUFFIX
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

HANDED_IN = Path("passports") / "evidence"
LEVELS = ("L10", "L11", "L12")
VIRTUAL = "a virtual rack proves nothing of a real one"
LOOK = "its plan has only some steps of an acceptance, and accepts nothing"
Stamp = tuple[tuple[int, int], ...]


class Proofs:
    """The sealed runs of one state directory; a file is read again only when it or the keys have changed."""

    def __init__(self, state: Path) -> None:
        """`state`: the directory."""
        self._state = state
        self._seen: dict[Path, tuple[Stamp, tuple[str, ...], SealedRun]] = {}

    def runs(self, keys: Sequence[str] = ()) -> list[SealedRun]:
        """Return every run that has ended, the oldest first; one that does not count says why.

        `keys`: fingerprints that are trusted beside this installation's own.
        """
        known = tuple(sorted({*SigningKeys(self._state / KEYS).names(), *keys}))
        folders = [p.parent for p in (self._state / FOLDER).glob(f"*/{EVIDENCE}")]
        folders += [p.parent for p in (self._state / HANDED_IN).glob(f"*/{EVIDENCE}")]
        found = {run.sha256 or run.run: run for run in (self._read(f, known) for f in sorted(folders))}
        return sorted(found.values(), key=lambda r: (r.ended_unix_ns, r.run))

    def of(self, racks: Sequence[str], keys: Sequence[str] = ()) -> list[LevelEvidence]:
        """Return what is proven of some racks, a line a run and level, the oldest first."""
        wanted = set(racks)
        return [
            LevelEvidence(r.rack, level, bool(r.passed), r.sha256, r.ended_unix_ns, r.run)
            for r in self.runs(keys)
            if r.rack in wanted
            for level in LEVELS
            if r.covers(level)
        ]

    def take(self, content: bytes, seal: bytes, keys: Sequence[str]) -> SealedRun:
        """Keep a run that was sealed elsewhere.  Raises ArgumentsInvalid for one that does not count."""
        known = [*SigningKeys(self._state / KEYS).names(), *keys]
        run = _counted(judge_sealed_run("it", content, seal, known))
        if run.fault or run.passed is None:
            why = run.fault or "it came to no verdict"
            raise ArgumentsInvalid(f"this run proves nothing: {why}", advice="hand in its evidence and its seal")
        folder = self._state / HANDED_IN / hashlib.sha256(content).hexdigest()[:32]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # The seal first: what has none does not count.
            for name, data in ((f"{EVIDENCE}{SUFFIX}", seal), (EVIDENCE, content)):
                scratch = folder / f".{name}.new"
                scratch.write_bytes(data)
                scratch.replace(folder / name)
        except OSError as err:
            raise EnvironmentUnfit(f"the evidence is not kept: {err.strerror}", advice="make room") from err
        return run

    def _read(self, folder: Path, known: tuple[str, ...]) -> SealedRun:
        stamp = _stamp(folder)
        kept = self._seen.get(folder)
        if kept is None or kept[:2] != (stamp, known):
            kept = self._seen[folder] = stamp, known, _counted(read_sealed_run(folder, known))
        return kept[2]


def _counted(run: SealedRun) -> SealedRun:
    """Return a run with the reason why it does not count, where it is sealed well but of a virtual rack or a look."""
    why = run.fault or (VIRTUAL if run.rig == "virtual" else "" if run.accepts else LOOK)
    return run if run.fault or not why else SealedRun(run.run, run.rack, sha256=run.sha256, fault=why)


def _stamp(folder: Path) -> Stamp:
    stats = [p.stat() for p in (folder / EVIDENCE, folder / f"{EVIDENCE}{SUFFIX}") if p.exists()]
    return tuple((s.st_mtime_ns, s.st_size) for s in stats)
