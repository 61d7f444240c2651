"""`rackwright audit list|heads|verify`: what was done by whom, and whether the log of it is unbroken.

Reads the files of a state directory, or copies of them; needs no server and changes nothing.
"""

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.auth.before_the_chain import before_the_chain
from datacenter_api.cli.options import As, Json, State, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit, note
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.vocabulary.errors import ConfigurationError, RackwrightError
from rack_controller.audit_files import API_WRITER, AUDIT, kept_head, newest, read_chain, read_lines, writers
from rack_controller.decide.audit_chain import Verdict, judge_chain
from rack_controller.model.audit import BEGINS, AuditRecord, Head, read_line

app = typer.Typer(help="Audit logs: who did what, and whether nothing was changed since.", no_args_is_help=True)
Files = Annotated[list[Path] | None, typer.Argument(help="Files of one log, the oldest first.", show_default=False)]
Writer = Annotated[str, typer.Option(help="Whose log: api or controller.")]
Anchors = Annotated[
    list[str] | None,
    typer.Option("--head", help="A head kept elsewhere, SEQUENCE:HASH or WRITER:SEQUENCE:HASH; may be repeated."),
]

_LISTED = (
    Column("RECORD", lambda r: str(r["sequence"] or "–"), right=True),
    Column("TIME", lambda r: str(r["time"])),
    Column("ACTOR", lambda r: str(r["actor"])),
    Column("FROM", lambda r: str(r["address"]), wide=True),
    Column("WHAT", lambda r: str(r["what"])),
    Column("TARGET", lambda r: str(r["target"])),
    Column("OUTCOME", lambda r: str(r["outcome"])),
    Column("DETAIL", lambda r: str(r["detail"])),
    Column("HASH", lambda r: str(r["hash"]), wide=True),
)
_HEADS = (
    Column("WRITER", lambda r: str(r["writer"])),
    Column("RECORD", lambda r: str(r["sequence"]), right=True),
    Column("HASH", lambda r: str(r["hash"])),
)
_JUDGED = (
    Column("LOG", lambda r: str(r["log"])),
    Column("CHAIN", lambda r: "ok" if r["holds"] else "fail"),
    Column("RECORDS", lambda r: str(r["records"]), right=True),
    Column("FIRST", lambda r: str(r["first"]), right=True),
    Column("LAST", lambda r: str(r["last"]), right=True),
    Column("HEAD", lambda r: str(r["head"])),
    Column("FOUND", lambda r: str(r["found"])),
)
_ANCHOR = re.compile(r"(?:(?P<writer>[a-z0-9_-]+):)?(?P<sequence>[0-9]{1,15}):(?P<hash>[0-9a-f]{64})")
_BEFORE = re.compile(r"([0-9]+) lines before the chain, sha256 ([0-9a-f]{64})")


@app.command("list")
def show(
    files: Files = None,
    writer: Writer = API_WRITER,
    limit: Annotated[int, typer.Option(min=1, help="So many of the newest.")] = 50,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show the newest records, newest first."""
    records = _of_files(files)[:limit] if files else newest(_folder(state, writer), writer, limit)
    emit([_row(record) for record in records], _LISTED, chosen(output, as_json), name="hash")


@app.command("heads")
def heads(state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """Show the newest record of every log: keep it elsewhere, `verify --head` proves by it what came before."""
    folder = _folder(state)
    kept = {writer: kept_head(folder / f"{writer}.head") for writer in writers(folder)}
    rows = [{"writer": writer, "sequence": head.sequence, "hash": head.hash} for writer, head in kept.items()]
    emit(rows, _HEADS, chosen(output, as_json), name="hash")


@app.command("verify")
def verify(
    files: Files = None,
    head: Anchors = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Check every log of the state directory, or FILES as one log; exit code 1 when one does not hold.

    The first record that is not right is named: file, line, and whether it was altered, removed, moved, or cut off.
    """
    anchors = [_anchor(text) for text in head or ()]
    rows = [_judged_files(files, anchors)] if files else _judged_state(state or default_state(), anchors)
    shape = chosen(output, as_json)
    emit(rows, _JUDGED, shape, name="log")
    for text in (text for row in rows for text in row["told"]):
        answer(text, shape)
    if not all(row["holds"] for row in rows):
        raise typer.Exit(RackwrightError.exit_code)


def _judged_files(files: Sequence[Path], anchors: Sequence[tuple[str, Head]]) -> Row:
    lines = [line for file in files for line in read_lines(file)]
    verdict = judge_chain(lines, whole=False, anchors=[anchor for _, anchor in anchors])
    if not lines:
        raise ConfigurationError(f"{files[0]} is empty", advice="name the file of an audit log")
    row = _judged(str(files[0]), verdict)
    if verdict.first is not None and verdict.first.sequence > 1:
        before = f"begins after record {verdict.first.sequence - 1}, whose hash is {verdict.first.previous}"
        row["told"] = [before, *row["told"]]
    return row


def _judged_state(state: Path, anchors: Sequence[tuple[str, Head]]) -> list[Row]:
    folder = _folder(state)
    found = writers(folder)
    for wanted, _ in anchors:
        if wanted and wanted not in found:
            raise ConfigurationError(f"no audit log of {wanted!r} in {folder}", advice=f"one of: {', '.join(found)}")
    rows = []
    for writer in found:
        lines, kept = read_chain(folder, writer)
        own = [
            kept,
            *(anchor for wanted, anchor in anchors if wanted in (writer, "") and (wanted or writer == API_WRITER)),
        ]
        verdict = judge_chain(lines, anchors=own)
        row = _judged(writer, verdict)
        if writer == API_WRITER and verdict.first is not None:
            _before(row, state, verdict.first)
        rows.append(row)
    return rows


def _before(row: Row, state: Path, first: AuditRecord) -> None:
    """Judge what was written before the chain by what its first record says of it."""
    said = _BEFORE.fullmatch(first.detail) if first.what == BEGINS else None
    lines, sha256 = (int(said[1]), said[2]) if said else (0, "")
    now = before_the_chain(state / "accounts.db")
    if said and before_the_chain(state / "accounts.db", lines).sha256 != sha256:
        row["holds"] = False
        row["found"] = row["found"] or f"the {lines} lines of before the chain are not as they were when it began"
    elif said:
        row["told"] = [f"{lines} lines of before the chain are as they were when it began", *row["told"]]
    if now.lines > lines:
        row["told"] += [f"{now.lines - lines} lines stand outside the chain: a version without one wrote them"]


def _judged(log: str, verdict: Verdict) -> Row:
    return {
        "log": log,
        "holds": verdict.holds,
        "records": verdict.records,
        "first": verdict.first.sequence if verdict.first else 0,
        "last": verdict.last.sequence if verdict.last else 0,
        "head": verdict.last.hash if verdict.last else "",
        "found": str(verdict.breach or ""),
        "wrong": verdict.breach.wrong.value if verdict.breach else None,
        "line": verdict.breach.line if verdict.breach else None,
        "told": [f"{log}: {text}" for text in verdict.told],
    }


def _of_files(files: Sequence[Path]) -> list[AuditRecord]:
    records = []
    for line in (line for file in files for line in read_lines(file)):
        try:
            records.append(read_line(line.text))
        except ValueError:
            note(f"{line.file}, line {line.number} is no record: see `rackwright audit verify`")
    return records[::-1]


def _folder(state: Path | None, writer: str = "") -> Path:
    folder = (state or default_state()) / AUDIT
    found = writers(folder)
    if not found:
        raise ConfigurationError(f"no audit log in {folder}", advice="name its file, or --state DIR")
    if writer and writer not in found:
        raise ConfigurationError(f"no audit log of {writer!r} in {folder}", advice=f"one of: {', '.join(found)}")
    return folder


def _anchor(text: str) -> tuple[str, Head]:
    found = _ANCHOR.fullmatch(text)
    if found is None:
        raise ConfigurationError(
            f"{text!r} is no head of a log", advice="say SEQUENCE:HASH as `rackwright audit heads` shows them"
        )
    return found["writer"] or "", Head(int(found["sequence"]), found["hash"])


def _row(record: AuditRecord) -> Row:
    at = datetime.datetime.fromtimestamp(record.unix_ns / 1e9, datetime.UTC)
    return {
        "sequence": record.sequence,
        "time": at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "unix_ns": record.unix_ns,
        "actor": record.actor,
        "address": record.address,
        "what": record.what,
        "target": record.target,
        "outcome": record.outcome,
        "detail": record.detail,
        "previous": record.previous,
        "hash": record.hash,
    }
