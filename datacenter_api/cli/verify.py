"""`rackwright verify FILE`: whether a signed file is as it was signed, by whom, and whether its claims follow from it.

It needs no server and no network: the file, its seal beside it, and the name of a key that you were told.
"""

from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.options import As, Json, State, chosen
from datacenter_api.cli.output import Column, Output, Row, emit, note
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.vocabulary.errors import ConfigurationError

CHANGED, HELD = 9, 8
"""Exit codes: the file is not what was signed; it is, by a key that nobody here was told of."""

_COLUMNS = (
    Column("FILE", lambda v: str(v["file"])),
    Column("AS SIGNED", lambda v: "yes" if v["holds"] else "no"),
    Column("SIGNER", lambda v: _signer(v)),
    Column("CLAIMS", lambda v: "; ".join(v["claims"]) or "–"),
)


def verify(
    file: Annotated[Path, typer.Argument(help="The file, its seal FILE.dsse beside it; or a run's folder.")],
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Fingerprint or PEM file of a key you were told.", show_default=False),
    ] = None,
    opening: Annotated[
        Path | None, typer.Option("--opening", help="What opens its commitments to costs.", show_default=False)
    ] = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Say whether a signed file is as it was signed, and if not, what was altered, reordered or cut."""
    from rack_controller.prove.seal import SUFFIX, Wrong, judge

    if file.suffix == ".zip":
        _verify_dossier(file, _known(key or [], state), chosen(output, as_json))
        return
    file = _sealed_in(file, SUFFIX) if file.is_dir() else file.with_name(file.name.removesuffix(SUFFIX))
    content, sealed = _read(file), _read(file.with_name(file.name + SUFFIX))
    opinion = judge(file.name, content, sealed, _known(key or [], state))
    row: Row = {
        "file": file.name,
        "holds": opinion.holds,
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
        "rule": None,
        "claims": [],
        "wrong_claims": [],
        "beside": [],
    }
    if opinion.holds and file.name.endswith(".cdx.json"):
        _work_out(row, content, opening)
    if opinion.holds:
        _look_beside(row, file.parent)
    emit([row], _COLUMNS, chosen(output, as_json), name="file", single=True)
    for fault in opinion.faults:
        note(str(fault))
    for wrong in row["wrong_claims"]:
        note(f"claim: {wrong}")
    for beside in row["beside"]:
        note(f"{beside['wrong']}: {beside['file']}: {beside['detail']}")
    if not opinion.holds or row["wrong_claims"] or any(b["wrong"] == Wrong.ALTERED for b in row["beside"]):
        raise typer.Exit(CHANGED)
    if not opinion.trusted:
        note(f"signed by {opinion.signer}, a key nobody here was told of: compare it, then give it with --key")
        raise typer.Exit(HELD)


def _sealed_in(folder: Path, suffix: str) -> Path:
    """Return the one sealed file of a folder, such as a run's evidence.  Raises ConfigurationError for none or many."""
    seals = sorted(folder.glob(f"*{suffix}"))
    if len(seals) != 1:
        names = ", ".join(seal.name.removesuffix(suffix) for seal in seals) or "name the file that was signed"
        raise ConfigurationError(f"{folder} holds {len(seals) or 'no'} sealed files", advice=names)
    return seals[0].with_name(seals[0].name.removesuffix(suffix))


def _verify_dossier(file: Path, known: list[str], shape: Output) -> None:
    """Look at every file of a dossier: those that its sealed list names, and what is sealed in itself."""
    from rack_controller.prove.dossier import files_of, look_into

    try:
        found = look_into(files_of(_read(file)), known)
    except ValueError as err:
        raise ConfigurationError(f"{file}: {err}", advice="`rackwright option dossier NAME --zip` makes one") from err
    row: Row = {
        "file": file.name,
        "holds": not found.faults,
        "signer": found.signer,
        "trusted": found.trusted,
        "claims": [],
        "faults": found.faults,
    }
    emit([row], _COLUMNS, shape, name="file", single=True)
    for fault in found.faults:
        note(fault)
    if found.faults:
        raise typer.Exit(CHANGED)
    if not found.trusted:
        note(f"signed by {found.signer}, a key nobody here was told of: compare it, then give it with --key")
        raise typer.Exit(HELD)


def _signer(row: Row) -> str:
    name = str(row["signer"])[:16]
    return f"{'known' if row['trusted'] else 'unknown'} {name}" if row["holds"] else "–"


def _look_beside(row: Row, folder: Path) -> None:
    """Look at files whose hashes are under the seal too, raw series of a run, and say which are not here."""
    import hashlib

    from rack_controller.prove.seal import Wrong

    for name, digest in sorted(dict(row["about"].get("raw_sha256") or {}).items()):
        path = folder / Path(name).name
        if not path.is_file():
            said = (Wrong.CUT, "it is not here, and nobody looked at what it holds")
        elif hashlib.sha256(_read(path)).hexdigest() != digest:
            said = (Wrong.ALTERED, "it is not the file whose hash was sealed")
        else:
            continue
        row["beside"].append({"wrong": said[0].value, "file": name, "detail": said[1]})


def _work_out(row: Row, content: bytes, opening: Path | None) -> None:
    """Work the claims out again from what the file discloses, and look at openings when there are any."""
    import msgspec

    from rack_controller.prove.openings import Openings
    from rack_controller.prove.recheck import read_bom, work_out, wrong_claims
    from rack_controller.prove.redact import wrong_openings

    try:
        told = read_bom(content)
        claims = work_out(told)
    except (ValueError, LookupError) as err:
        row["wrong_claims"] = [f"they cannot be worked out again: {err}"]
        return
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


def _known(given: list[str], state: Path | None) -> list[str]:
    """Return the fingerprints of keys that are trusted: those given, and those of a state directory here."""
    from rack_controller.prove.keys import fingerprint, public_of
    from rack_controller.signing_keys import FOLDER, SigningKeys

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
