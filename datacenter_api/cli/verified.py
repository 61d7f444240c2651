"""What `rackwright verify` looks at: a sealed file, a run's folder, a dossier or a run as a zip; says what it found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec
import typer

from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.passport_shown import FINDINGS
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.prove.dossier import is_dossier, look_into
from rack_controller.prove.fit import unread_words, wrong_words
from rack_controller.prove.keys import fingerprint, public_of
from rack_controller.prove.many_files import FolderFiles
from rack_controller.prove.openings import Openings
from rack_controller.prove.recheck import read_bom, work_out, wrong_claims
from rack_controller.prove.redact import wrong_openings
from rack_controller.prove.run_files import DRAWN_FROM, EVIDENCE, WAIVERS, Beside, look_at_run, sealed_names
from rack_controller.prove.seal import SUFFIX, Opinion, judge
from rack_controller.prove.zipped import around, unzipped
from rack_controller.signing_keys import FOLDER, SigningKeys

CHANGED, HELD = 9, 8
"""Exit codes: the file is not what was signed; it is, by a key that nobody here was told of."""

_ZIPS = "`rackwright option dossier NAME --zip` and `accept report RUN --form zip` make what is looked at"
_COLUMNS = (
    Column("FILE", lambda v: str(v["file"])),
    Column("AS SIGNED", lambda v: "yes" if v["holds"] else "no"),
    Column("SIGNER", lambda v: _signer(v)),
    Column("CLAIMS", lambda v: "; ".join(v["claims"]) or "–"),
)


def verify_file(file: Path, known: list[str], opening: Path | None, shape: Output) -> None:
    """Look at a file and its seal, at a run's evidence with all that lies beside it, or at a folder of either.

    Leaves with `CHANGED` or `HELD`.  Raises ConfigurationError for what cannot be read.
    """
    if file.is_dir() and (file / EVIDENCE).is_file():
        file = file / EVIDENCE
    file = _sealed_in(file, SUFFIX) if file.is_dir() else file.with_name(file.name.removesuffix(SUFFIX))
    content, sealed = _read(file), _read(file.with_name(file.name + SUFFIX))
    beside: Sequence[Beside] = ()
    missing: Sequence[Beside] = ()
    if file.name == EVIDENCE:
        look = look_at_run(_files_of_run(file.parent, content, sealed), known)
        opinion, beside, missing = look.evidence, look.beside, look.missing
    else:
        opinion = judge(file.name, content, sealed, known)
    row = _row_of(file.name, opinion, beside, missing)
    if opinion.holds and file.name.endswith(".cdx.json"):
        _work_out(row, content, opening)
    _tell(row, opinion, shape)


def _row_of(name: str, opinion: Opinion, beside: Sequence[Beside], missing: Sequence[Beside]) -> Row:
    return {
        "file": name,
        "holds": opinion.holds and not beside,
        "signer": opinion.signer,
        "trusted": opinion.trusted,
        "about": opinion.statement.get("predicate", {}).get("about", {}),
        "faults": [
            {
                "wrong": f.wrong.value,
                "file": f.file,
                "begin": f.begin,
                "end": f.end,
                "entry": f.entry,
                "detail": f.detail,
            }
            for f in opinion.faults
        ],
        "accepted": None,
        "rule": None,
        "claims": [],
        "wrong_claims": [],
        "beside": [{"wrong": b.wrong.value, "file": b.file, "detail": b.detail} for b in (*beside, *missing)],
    }


def _tell(row: Row, opinion: Opinion, shape: Output) -> None:
    """Show what came of a look, and leave with the code that says so."""
    emit([row], _COLUMNS, shape, name="file", single=True)
    for fault in opinion.faults:
        answer(str(fault), shape)
    _tell_accepted(row["accepted"], shape)
    for wrong in row["wrong_claims"]:
        answer(f"claim: {wrong}", shape)
    for beside in row["beside"]:
        answer(f"{beside['wrong']}: {beside['file']}: {beside['detail']}", shape)
    if not row["holds"] or row["wrong_claims"]:
        raise typer.Exit(CHANGED)
    _hold_unknown(row, shape)


def _tell_accepted(accepted: Row | None, shape: Output) -> None:
    """Tell what did not fit when the passport was frozen, and what nobody had looked at, as it was signed."""
    if accepted and accepted["findings"]:
        answer(f"accepted by {accepted['actor']} with parts that do not fit: {wrong_words(accepted['counts'])}", shape)
        if shape.is_table:
            emit(accepted["findings"], FINDINGS, shape)
    if accepted and accepted["unread_trays"]:
        answer(f"accepted by {accepted['actor']} with {unread_words(accepted['unread_trays'])}", shape)


def _hold_unknown(row: Row, shape: Output) -> None:
    if not row["trusted"]:
        answer(f"signed by {row['signer']}, a key nobody here was told of: compare it, then give it with --key", shape)
        raise typer.Exit(HELD)


def _files_of_run(folder: Path, content: bytes, sealed: bytes) -> FolderFiles:
    """Return the files of a folder that are a run's: those that its seal names, and those that a report is drawn from.

    Whatever else lies there, a person's downloads, is left alone.
    """
    names = {*sealed_names(content, sealed), *DRAWN_FROM, WAIVERS, WAIVERS + SUFFIX}
    names |= {p.relative_to(folder).as_posix() for pattern in ("raw-*.npz", "photos/*") for p in folder.glob(pattern)}
    inside = (n for n in names if not Path(n).is_absolute() and ".." not in Path(n).parts)
    return FolderFiles(folder, [n for n in sorted({*inside, EVIDENCE, EVIDENCE + SUFFIX}) if (folder / n).is_file()])


def _sealed_in(folder: Path, suffix: str) -> Path:
    """Return the one sealed file of a folder, such as a run's evidence.  Raises ConfigurationError for none or many."""
    seals = sorted(folder.glob(f"*{suffix}"))
    if len(seals) != 1:
        names = ", ".join(seal.name.removesuffix(suffix) for seal in seals) or "name the file that was signed"
        raise ConfigurationError(f"{folder} holds {len(seals) or 'no'} sealed files", advice=names)
    return seals[0].with_name(seals[0].name.removesuffix(suffix))


def verify_zip(file: Path, known: list[str], shape: Output) -> None:
    """Look at every file of a dossier or of a run's evidence, and at the zip around them."""
    try:
        with file.open("rb") as content:
            faults, signer, trusted, missing = _looked_into(file, content, known)
    except OSError as err:
        raise ConfigurationError(
            f"{file} cannot be read: {err.strerror}", advice="name the file that was signed"
        ) from err
    row: Row = {
        "file": file.name,
        "holds": not faults,
        "signer": signer,
        "trusted": trusted,
        "claims": [],
        "faults": faults,
        "missing": missing,
    }
    emit([row], _COLUMNS, shape, name="file", single=True)
    for said in (*faults, *missing):
        answer(said, shape)
    if faults:
        raise typer.Exit(CHANGED)
    _hold_unknown(row, shape)


def _looked_into(file: Path, content: IO[bytes], known: list[str]) -> tuple[list[str], str, bool, list[str]]:
    try:
        root, files = unzipped(content)
    except ValueError as err:
        content.seek(0)
        if content.read(2) != b"PK":
            raise ConfigurationError(f"{file}: {err}", advice=_ZIPS) from err
        return [f"cut or altered: {file.name}: {err}"], "", False, []
    faults, signer, trusted, missing = _looked(file, root, files, known)
    if not faults and (where := around(content, root, files)):
        faults = [f"altered: {file.name}: {where}"]
    return faults, signer, trusted, missing


def _looked(
    file: Path, root: str, files: Mapping[str, bytes], known: list[str]
) -> tuple[list[str], str, bool, list[str]]:
    """Return what is wrong in a zip, who signed, whether that key is known, and what is not in it."""
    if is_dossier(files):
        found = look_into(files, known)
        named = [] if found.about in ("", root) else [f"altered: its folder is {root!r}, {found.about!r} was signed"]
        return [*found.faults, *named], found.signer, found.trusted, []
    try:
        look = look_at_run(files, known)
    except ValueError as err:
        if not files:
            raise ConfigurationError(f"{file}: nothing is in it", advice=_ZIPS) from err
        raise ConfigurationError(f"{file}: no dossier, and no run: {err}", advice=_ZIPS) from err
    said = look.evidence.statement.get("predicate", {}).get("about", {}).get("run", root)
    named = [] if said == root else [f"altered: its folder is {root!r}, {said!r} was signed"]
    faults = [*look.faults, *named]
    return faults, look.evidence.signer, look.evidence.trusted, [str(m) for m in look.missing]


def _signer(row: Row) -> str:
    name = str(row["signer"])[:16]
    return f"{'known' if row['trusted'] else 'unknown'} {name}" if row["holds"] else "–"


def _work_out(row: Row, content: bytes, opening: Path | None) -> None:
    """Work the claims out again from what the file discloses, and look at openings when there are any."""
    try:
        told = read_bom(content)
        claims = work_out(told)
    except (ValueError, LookupError) as err:
        row["wrong_claims"] = [f"they cannot be worked out again: {err}"]
        return
    row["accepted"] = msgspec.to_builtins(told.accepted)
    row["rule"] = None if told.rule is None else {"name": told.rule.name, "source": told.rule.source}
    row["claims"] = list(told.claims)
    row["wrong_claims"] = wrong_claims(told, claims)
    if opening is None:
        return
    try:
        openings = msgspec.json.decode(_read(opening), type=Openings)
    except msgspec.MsgspecError as err:
        raise ConfigurationError(f"{opening} holds no openings: {err}", advice="name the seller's file") from err
    if told.rule is not None:
        row["wrong_claims"] += wrong_openings(told.records.to_pylist(), told.total, openings, told.rule)


def known_keys(given: list[str], state: Path | None) -> list[str]:
    """Return the fingerprints of keys that are trusted: those given, and those of a state directory here."""
    names = []
    for text in given:
        path = Path(text)
        if path.is_file():
            try:
                names.append(fingerprint(public_of(_read(path))))
            except ValueError as err:
                raise ConfigurationError(f"{path} is no Ed25519 public key: {err}", advice="a PEM file") from err
        elif len(text) == 64 and all(c in "0123456789abcdef" for c in text):
            names.append(text)
        else:
            raise ConfigurationError(f"{text!r} is no fingerprint and no file", advice="64 hexadecimal digits")
    return names + SigningKeys((state or default_state()) / FOLDER).names()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        advice = "the seal lies beside the file" if path.suffix == ".dsse" else "name the file that was signed"
        raise ConfigurationError(f"{path} cannot be read: {err.strerror}", advice=advice) from err
