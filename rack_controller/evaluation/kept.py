"""Evaluations in the state directory: `evaluations/ID/sheets.jsonl` with its seal, never changed once written.

The first line is the record, each further one a rack's sheet.  Whoever reads one is told whether its seal holds.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit
from rack_controller.prove.evaluate.sheet import Sheet
from rack_controller.prove.keys import Signer
from rack_controller.prove.seal import SUFFIX, judge, seal

FOLDER, SHEETS = "evaluations", "sheets.jsonl"
KIND = "evaluation"


class EvaluationRecord(msgspec.Struct, frozen=True):
    """One evaluation: `plan` with the hash of its text, what it was of, who asked for it, by which software."""

    id: str
    plan: str
    plan_sha256: str
    of: str
    rig: str
    racks: int
    sheets: int
    began_unix_ns: int
    actor: str
    software: str


@dataclass(frozen=True, slots=True)
class KeptEvaluation:
    """One that is kept.  `fault`: why it does not count, empty where its seal holds and a known key made it."""

    record: EvaluationRecord
    sheets: tuple[Sheet, ...]
    sha256: str
    fault: str = ""


def new_evaluation_id() -> str:
    """Return an id for an evaluation that begins now."""
    return f"ev-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(2).hex()}"


def keep_evaluation(state: Path, record: EvaluationRecord, sheets: Sequence[Sheet], signer: Signer) -> Path:
    """Write an evaluation and its seal; returns its folder.  Raises EnvironmentUnfit."""
    lines = [msgspec.json.encode(record) + b"\n", *(msgspec.json.encode(s) + b"\n" for s in sheets)]
    names = ["evaluation", *(f"sheet {n} {s.rack}" for n, s in enumerate(sheets, 1))]
    about: dict[str, object] = {"kind": KIND, "id": record.id, "plan_sha256": record.plan_sha256, "of": record.of}
    sealed = seal(SHEETS, lines, names, signer, about)
    folder = state / FOLDER / record.id
    try:
        folder.mkdir(parents=True, exist_ok=False)
        # The seal first: sheets without one are none.
        _write(folder / f"{SHEETS}{SUFFIX}", sealed)
        _write(folder / SHEETS, b"".join(lines))
    except OSError as err:
        raise EnvironmentUnfit(f"{record.id} is not kept: {err.strerror}", advice="make room") from err
    return folder


def read_evaluation_folder(folder: Path, known: Sequence[str]) -> KeptEvaluation:
    """Return an evaluation; where its seal does not hold nothing of it but the fault.

    `known`: fingerprints of keys that are trusted.  Raises ConfigurationError where there is none.
    """
    try:
        content, sealed = (folder / SHEETS).read_bytes(), (folder / f"{SHEETS}{SUFFIX}").read_bytes()
    except OSError as err:
        raise ConfigurationError(f"no evaluation at {folder}", advice="`rackwright evaluate show` lists them") from err
    opinion = judge(SHEETS, content, sealed, known)
    if not opinion.holds:
        return _nothing(folder, f"its seal does not hold: {opinion.faults[0]}")
    try:
        head, *lines = content.splitlines()
        record = msgspec.json.decode(head, type=EvaluationRecord)
        sheets = tuple(msgspec.json.decode(line, type=Sheet) for line in lines)
    except (ValueError, msgspec.MsgspecError) as err:
        return _nothing(folder, f"it is no evaluation: {err}")
    about = opinion.statement["predicate"]["about"]
    fault = "" if opinion.trusted else f"signed by {opinion.signer[:16]}, a key that nobody here was told of"
    if not fault and (about.get("kind") != KIND or about.get("id") != record.id or folder.name != record.id):
        fault = "what was sealed is something else"
    return KeptEvaluation(record, sheets, str(opinion.statement["subject"][0]["digest"]["sha256"]), fault)


def _nothing(folder: Path, fault: str) -> KeptEvaluation:
    return KeptEvaluation(EvaluationRecord(folder.name, "", "", "", "", 0, 0, 0, "", ""), (), "", fault)


def evaluation_folders(state: Path) -> list[Path]:
    """Return the folders of evaluations that are kept, the oldest first."""
    return sorted(path.parent for path in (state / FOLDER).glob(f"*/{SHEETS}"))


def _write(path: Path, content: bytes) -> None:
    scratch = path.with_name(f".{path.name}.new")
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
