"""The files of an acceptance run laid beside its seal: what was altered, taken out or put in.  Pure.

The evidence is sealed line by line; its seal has the SHA-256 of everything else that the run kept until its end, which
is all that a report is drawn from.  Waivers come later, under a seal of their own by the same key or a successor of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from rack_controller.prove.many_files import sha256_in
from rack_controller.prove.seal import SUFFIX, Fault, Opinion, Said, Wrong, judge, said_by

EVIDENCE, WAIVERS, RECORD = "evidence.ocptv.jsonl", "waivers.jsonl", "run.json"
RAW_HASHES, FILE_HASHES = "raw_sha256", "files_sha256"
"""Where a seal keeps hashes: of raw series, which may stay where they were measured, and of all else."""
UNDER_WAY = "under-way.json"
OF_THE_MACHINE = frozenset({"lock", "started", "token", "runner.log", "now.json", "undo.json", UNDER_WAY})
"""What belongs to the process and not to the evidence."""
DRAWN_FROM = frozenset({RECORD, "plan.yaml", "asked.json", "answers.jsonl", "floor.json"})
"""What a report is drawn from, beside photos and raw series, which speak for themselves in it."""
_SEALED_APART = frozenset({EVIDENCE, EVIDENCE + SUFFIX, WAIVERS, WAIVERS + SUFFIX})


@dataclass(frozen=True, slots=True)
class Beside:
    """A file beside the evidence that is not as it was sealed."""

    wrong: Wrong
    file: str
    detail: str

    def __str__(self) -> str:
        return f"{self.wrong}: {self.file}: {self.detail}"


@dataclass(frozen=True, slots=True)
class RunLook:
    """What came of looking at a run: the evidence itself, and what lies beside it.

    `missing`: sealed files that are not there, so that nobody looked at what they hold.
    """

    evidence: Opinion
    beside: tuple[Beside, ...]
    missing: tuple[Beside, ...]

    @property
    def faults(self) -> list[str]:
        """Everything that is not as it was sealed, in words."""
        return [*map(str, self.evidence.faults), *map(str, self.beside)]


def is_evidence(path: str) -> bool:
    """Return whether a file of a run's folder, by its path in it, says anything of the run."""
    name = path.rpartition("/")[2]
    return path not in OF_THE_MACHINE and not name.startswith(".")


def hashes_beside(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of every file that the evidence's seal is to have."""
    kept = sorted(path for path in files if is_evidence(path) and path not in _SEALED_APART)
    return {path: sha256_in(files, path) for path in kept}


def sealed_names(evidence: bytes, sealed: bytes) -> list[str]:
    """Return the paths of the files whose hashes a seal has, none of what is no seal."""
    return list(_judged(evidence, sealed, [])[1])


class _Hashes(msgspec.Struct, frozen=True):
    """The SHA-256 of files by path, as a run's seal has them; seals of before have none of all files."""

    files_sha256: dict[str, str] | None = None
    raw_sha256: dict[str, str] | None = None

    @property
    def by_path(self) -> dict[str, str]:
        """Of each sealed file; of raw series the one of when they were kept, in their step."""
        return {**(self.files_sha256 or {}), **(self.raw_sha256 or {})}


def _judged(evidence: bytes, sealed: bytes, known: Sequence[str]) -> tuple[Opinion, dict[str, str]]:
    """Return what came of looking at the evidence, and the hashes that its seal has of other files.

    A seal whose hashes are none is a fault, whoever signed it.
    """
    opinion = judge(EVIDENCE, evidence, sealed, known)
    try:
        return opinion, msgspec.convert(_about(opinion), _Hashes).by_path
    except msgspec.ValidationError as err:
        fault = Fault(Wrong.SEAL, EVIDENCE + SUFFIX, 0, len(sealed), "", f"it is no seal of a run: {err}")
        return Opinion((*opinion.faults, fault), opinion.signer, trusted=False, statement={}), {}


def _about(opinion: Opinion) -> dict[str, Any]:
    found: dict[str, Any] = opinion.statement.get("predicate", {}).get("about", {})
    return found


def sealed_record(sealed: bytes) -> tuple[str | None, Said]:
    """Return the SHA-256 of `run.json` in a run's seal, None where it has none as seals of before, and who sealed it.

    Only the seal is looked at, for lists; `look_at_run` tells of all files.  Raises ValueError for what is no seal of a
    run, also where it is signed.
    """
    said = said_by(EVIDENCE, sealed)
    try:
        hashes = msgspec.convert(said.about, _Hashes)
    except msgspec.ValidationError as err:
        raise ValueError(f"it is no seal of a run: {err}") from err
    return (hashes.files_sha256 or {}).get(RECORD), said


def look_at_run(files: Mapping[str, bytes], known: Sequence[str]) -> RunLook:
    """Say whether the files of a run's folder, by path in it, are those that were sealed.

    `known`: fingerprints of keys that are trusted.  Raises ValueError where there is no evidence or no seal of it.
    """
    absent = [name for name in (EVIDENCE, EVIDENCE + SUFFIX) if name not in files]
    if absent:
        raise ValueError(f"{' and '.join(absent)} is missing")
    opinion, sealed = _judged(files[EVIDENCE], files[EVIDENCE + SUFFIX], known)
    about = _about(opinion)
    beside = [
        Beside(Wrong.ALTERED, path, "it is not the file whose hash was sealed")
        for path, digest in sealed.items()
        if path in files and sha256_in(files, path) != digest
    ]
    if FILE_HASHES in about:
        more = sorted(p for p in files if is_evidence(p) and p not in sealed and p not in _SEALED_APART)
        beside += [Beside(Wrong.ADDED, path, "nobody sealed it") for path in more]
    missing = [
        Beside(Wrong.CUT, path, "it is not here, and nobody looked at what it holds")
        for path in sealed
        if path not in files
    ]
    beside += _waivers(files, about, [*known, *filter(None, [opinion.signer])])
    return RunLook(opinion, tuple(beside), tuple(missing))


def _waivers(files: Mapping[str, bytes], about: Mapping[str, Any], known: Sequence[str]) -> list[Beside]:
    """Return what is wrong with waivers: changed, of another run, or by somebody else than who sealed the run."""
    content, sealed = files.get(WAIVERS), files.get(WAIVERS + SUFFIX)
    if content is None and sealed is None:
        return []
    if content is None or sealed is None:
        gone = WAIVERS if content is None else WAIVERS + SUFFIX
        return [Beside(Wrong.CUT, gone, "waivers and their seal belong together")]
    opinion = judge(WAIVERS, content, sealed, known)
    if opinion.faults:
        return [Beside(f.wrong, f.file, str(f).partition(f"{f.file}, ")[2]) for f in opinion.faults]
    said = opinion.statement["predicate"]["about"]
    if dict(said).get("run") != about.get("run"):
        return [Beside(Wrong.ADDED, WAIVERS, "they are of another run")]
    if not opinion.trusted:
        who = f"signed by {opinion.signer}, neither who sealed the run nor a successor"
        return [Beside(Wrong.SIGNER, WAIVERS, who)]
    return []
