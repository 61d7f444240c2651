"""`rackwright accept done|stop|waive|report`: what was asked for is done, a run ended early, a deviation taken as it
is, what people sign."""

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect, quoted
from datacenter_api.cli.event import clock
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, answer, emit, note
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit, PreconditionFailed, TargetUnknown

V1 = "/api/v1/acceptance/runs"
MIN_REASON = 8
RunArg = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
_PATHS = {"pdf": "report.pdf", "html": "report.html", "zip": "evidence.zip"}
_WAIVERS = (
    Column("WHEN", lambda w: clock(w["at_unix_ns"]).partition(".")[0]),
    Column("WHO", lambda w: f"{w['actor']} ({w['role']})"),
    Column("STEP", lambda w: str(w["step"])),
    Column("MEASURE", lambda w: str(w["measure"])),
    Column("PART", lambda w: str(w["place"]) or "all"),
    Column("REASON", lambda w: str(w["reason"])),
)


def done(
    run: RunArg,
    barcode: Annotated[
        str, typer.Option("--barcode", help="The part's label, held against the as-built records.")
    ] = "",
    remark: Annotated[str, typer.Option("--note", help="What is worth a remark.")] = "",
    url: Url = None,
    state: State = None,
) -> None:
    """Say that what a run asks for is done, in your name; a wrong part is noted and is not done."""
    api = connect(url, state)
    now = api.get(f"{V1}/{quoted(run)}")["now"]
    if not now or not now["asks"]:
        raise PreconditionFailed(f"run {run} asks for nothing now", advice=f"see `rackwright accept show {run}`")
    body = {"step": now["step"], "done": True, "barcode": barcode, "note": remark}
    taken = api.post(f"{V1}/{quoted(run)}/answers", body)
    said = f"; {taken['said']}" if taken["said"] else ""
    answer(f"noted as done by {taken['answer']['actor']}: {now['asks']}{said}")


def stop(
    run: RunArg,
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    give_up: Annotated[
        bool, typer.Option("--give-up", help="As it lies, where no process has it: nothing is put back to rest.")
    ] = False,
    url: Url = None,
    state: State = None,
) -> None:
    """Have a run end at its next phase's end, with everything put back to rest, also one whose process died."""
    how = "give-up" if give_up else "stop"
    row = connect(url, state).post(f"{V1}/{quoted(run)}/{how}", {"reason": reason})
    answer(f"{row['id']} is given up; look at its rack" if give_up else f"{row['id']} ends with its next phase")


def waive(
    run: RunArg,
    step: Annotated[str, typer.Argument(help="The step, such as gpu_stress.")],
    measure: Annotated[str, typer.Argument(help="The measure, such as tail.")],
    place: Annotated[str, typer.Argument(help="The part; every part that the measure named where none is.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why it is taken as it is; it stands in the report.")] = "",
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Take a deviation as it is, in your name; what was measured stays what it was."""
    if len(reason.strip()) < MIN_REASON:
        said = f"a waiver needs a reason of at least {MIN_REASON} characters"
        raise ConfigurationError(said, advice='say why: --reason "the maker replaces it by …"')
    body = {"step": step, "measure": measure, "place": place, "reason": reason}
    rows = connect(url, state).post(f"{V1}/{quoted(run)}/waivers", body)
    emit(rows, _WAIVERS, chosen(output, as_json), name="measure")


def report(
    run: RunArg,
    form: Annotated[str, typer.Option("--form", help="pdf to sign, html, or zip with all evidence.")] = "pdf",
    to: Annotated[Path, typer.Option("--to", help="Folder that the file is written to.")] = Path(),
    url: Url = None,
    state: State = None,
) -> None:
    """Write a run's report; where no API is known, of the runs of this state directory."""
    if form not in _PATHS:
        raise ConfigurationError(f"--form {form!r}", advice=f"one of: {', '.join(_PATHS)}")
    try:
        content = connect(url, state).get_file(f"{V1}/{quoted(run)}/{_PATHS[form]}")
    except (ConfigurationError, TargetUnknown) as err:
        # An API that runs elsewhere knows other runs than this directory does.
        kept = _report_here(state or default_state(), run, form)
        if kept is None:
            raise
        note(f"from this state directory, without what an API would add: {err}")
        content = kept
    path = to / f"{run}.{form}"
    try:
        to.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as err:
        raise EnvironmentUnfit(f"cannot write {path}: {err.strerror}", advice="choose another --to") from err
    answer(f"{path}: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


def _report_here(root: Path, run: str, form: str) -> bytes | None:
    from datacenter_api.acceptance.desk import AcceptanceDesk
    from datacenter_api.acceptance.passport import summary_of
    from datacenter_api.passports.desk import PassportDesk
    from rack_controller.acceptance.run import FOLDER, RECORD

    if not (root / FOLDER / run / RECORD).is_file():
        return None
    desk = AcceptanceDesk(root)
    if form == "zip":
        with desk.bundle(run) as made:
            return made.read()
    passports = PassportDesk(root)
    try:
        rack = desk.folder(run).read().rack
        known = passports.store.covers(rack)
        passport = summary_of(passports, rack, None, note="nobody asked its endpoints") if known else None
    finally:
        passports.close()
    return desk.report(run, form, passport)
