"""`rackwright accept …`: what a generation's acceptance asks for, runs of it, what came of them, their reports."""

from pathlib import Path
from typing import Annotated, Any

import typer

from datacenter_api.cli.accept_baseline import baseline
from datacenter_api.cli.accept_live import ask_before, begin_over_api, go_on_over_api, wish_of
from datacenter_api.cli.accept_now import under_way
from datacenter_api.cli.accept_plan import PlanOpt, plan, plan_named
from datacenter_api.cli.accept_signed import done, report, stop, waive
from datacenter_api.cli.connection import connect
from datacenter_api.cli.event import clock
from datacenter_api.cli.op import short
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit, note
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import ConfigurationError, TargetUnknown

app = typer.Typer(help="Acceptance of racks: plans, runs, what was found.", no_args_is_help=True)
NOT_ACCEPTED = 9
"""Exit code of a run that did not pass."""
_STEPS = (
    Column("STEP", lambda s: str(s["id"])),
    Column("LEVEL", lambda s: str(s["level"])),
    Column("OUTCOME", lambda s: str(s["outcome"]).upper()),
    Column("TOOK", lambda s: f"{s['took_s']:.0f} s", right=True),
    Column("JUDGED", lambda s: str(sum(m["judged"] for m in s["measures"])), right=True),
    Column("PARTS OUT", lambda s: ", ".join(s["parts_out"]) or "–"),
    Column("FOUND", lambda s: _found(s)),
    Column(
        "MEASURES THAT FOUND", lambda s: " ".join(m["id"] for m in s["measures"] if m["findings"]) or "–", wide=True
    ),
)
_RUNS = (
    Column("RUN", lambda r: str(r["id"])),
    Column("RACK", lambda r: short(str(r["rack"]))),
    Column("GENERATION", lambda r: str(r["generation"])),
    Column("BEGAN", lambda r: clock(r["began_unix_ns"]).partition(".")[0]),
    Column("STEPS", lambda r: str(len(r["steps"])), right=True),
    Column("OUTCOME", lambda r: str(r["outcome"] or ("running" if r["running"] else "unfinished")).upper()),
    Column("SEAL", lambda r: _seal(r)),
)
_SUSPECTS = (
    Column("SUSPECT", lambda s: str(s["place"])),
    Column("SERIAL", lambda s: str(s["serial"]) or "–"),
    Column("WEIGHT", lambda s: f"{s['score']:.2f}", right=True),
    Column("MEASURES", lambda s: str(len(s["measures"])), right=True),
    Column("WHAT WAS SEEN FIRST", lambda s: str(s["text"])),
)
MOST_TOLD = 4
NOTHING = "–"


@app.command("run")
def run(
    generation: Annotated[str, typer.Argument(help="A generation, such as gb200-nvl72.")] = "gb200-nvl72",
    virtual: Annotated[bool, typer.Option("--virtual", help="On a virtual rack, in virtual time.")] = False,
    racks: Annotated[
        list[str] | None,
        typer.Option("--rack", "-r", help="A rack that runs; people are told what to do.  Several together: L12."),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=1, max=86_400, help="With --rack: seconds that people are given for one thing.")
    ] = 1800.0,
    leave: Annotated[bool, typer.Option("--leave", help="With --rack: begin it, and do not wait for its end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --rack: begin without asking.")] = False,
    seed: Annotated[int, typer.Option(help="What the virtual rack is made from.")] = 1,
    plant: Annotated[str, typer.Option(help="A fault to plant, by its id.")] = "",
    faults: Annotated[Path | None, typer.Option(help="A file of faults instead.", show_default=False)] = None,
    level: Annotated[str, typer.Option(help="L10 trays, L11 the rack (of one), L12 racks together.")] = "",
    chosen_plan: PlanOpt = "",
    trace: Annotated[Path | None, typer.Option(help="The soak's load: t_s,node1_W,…", show_default=False)] = None,
    resume: Annotated[str, typer.Option(help="Go on with this run after a crash; a virtual one: --virtual too.")] = "",
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Take a rack through its acceptance; exit code 9 when it does not pass."""
    import getpass

    from datacenter_api import __version__
    from rack_controller.acceptance import virtual_run
    from rack_controller.acceptance.begin import Wish
    from rack_controller.acceptance.plans import plan_path
    from rack_controller.acceptance.run import EVIDENCE, FOLDER, RunFolder

    if virtual == bool(racks) and not (resume and not virtual):
        raise ConfigurationError("a run is of a virtual rack or of one that runs", advice="--virtual, or --rack NAME")
    if level and level not in {"L10", "L11", "L12"}:
        raise ConfigurationError(f"--level {level!r}", advice="L10, L11 or L12")
    root, shape = state or default_state(), chosen(output, as_json)
    left = shape if leave else None
    if resume and not virtual:
        if racks:
            raise ConfigurationError("a run that is gone on with has its racks", advice="leave out --rack")
        _live(go_on_over_api(connect(url, state), resume, left, _told), root, shape)
        return
    search = own_generations(root)
    name, file = plan_named(chosen_plan, "" if racks else generation, search)
    if racks:
        wish = wish_of(racks, level, name, file) | {"patience_s": patience}
        ask_before(connect(url, state), wish, yes)
        _live(begin_over_api(connect(url, state), wish, left, _told), root, shape)
        return
    if resume:
        record, folder = virtual_run.resume(RunFolder(root / FOLDER / resume), root, _told)
        kept = f"sealed: `rackwright verify {folder.path / EVIDENCE}` proves it"
    else:
        file = file or (plan_path(generation, search, name) if name else None)
        made = Wish(generation, level or "L11", seed, plant, file, trace, faults)
        record, folder = virtual_run.accept(made, root, __version__, _told, getpass.getuser())
        kept = f"sealed: `rackwright verify {folder.path / EVIDENCE}` proves it"
    _show([record], root, shape, kept)
    if record.outcome != "pass":
        raise typer.Exit(NOT_ACCEPTED)


@app.command("show")
def show(
    run: Annotated[str, typer.Argument(help="A run; all are listed where none is named.")] = "",
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show what came of a run, or the runs that are kept."""
    import msgspec

    from rack_controller.acceptance.one_run import goes_on
    from rack_controller.acceptance.run import FOLDER, RunFolder, runs_in
    from rack_controller.acceptance.sealed_record import KnownKeys, look_at_record

    root = state or default_state()
    if run and not (root / FOLDER / run).is_dir():
        raise TargetUnknown(f"there is no run {run[:64]!r}", advice="see `rackwright accept show`")
    keys = KnownKeys.at(root)
    if run:
        folder = RunFolder(root / FOLDER / run)
        record, shape = folder.told(), chosen(output, as_json)
        stands = msgspec.to_builtins(look_at_record(folder, keys)) | under_way(folder, record, shape)
        _show([record], root, shape, stands=stands)
        return
    rows: list[Row] = []
    for folder in runs_in(root):
        record = folder.told()
        stands = {"running": goes_on(folder, record), **msgspec.to_builtins(look_at_record(folder, keys))}
        rows.append(msgspec.to_builtins(record) | stands)
    emit(rows, _RUNS, chosen(output, as_json), name="id")


def _live(records: list[Any], state: Path, shape: Output) -> None:
    """Show what came of live runs, none where they are left alone; exit code 9 where one did not pass."""
    if records:
        _show(records, state, shape, "kept and sealed where the API runs")
    if any(record.outcome != "pass" for record in records):
        raise typer.Exit(NOT_ACCEPTED)


def _show(records: list[Any], state: Path, shape: Output, kept: str = "", stands: Row | None = None) -> None:
    """Show what came of runs, several as one document; `kept`: where those are kept that have just ended; `stands`:
    what came of holding the record of one that is kept against its seal, and what one that has not ended does."""
    import msgspec

    from rack_controller.acceptance.designs import design_or_why
    from rack_controller.acceptance.run import suspects_of

    rows: list[Row] = []
    for record in records:
        design, lacks = design_or_why(record, state)
        suspects = msgspec.to_builtins(suspects_of(record, design))
        rows.append(msgspec.to_builtins(record) | {"suspects": suspects} | (stands or {}))
        if shape.is_table:
            if len(records) > 1:
                answer(f"{record.rack}:", shape)
            _tables(rows[-1], shape, lacks)
            if stands and (said := _seal(stands)) != NOTHING:
                answer(said, shape)
        if kept:
            look = "" if record.accepts else "; it accepts nothing: its plan has only some steps of an acceptance"
            answer(f"run {record.id}: {str(record.outcome).upper()}{look}; {kept}", shape)
    if not shape.is_table:
        emit(rows, _RUNS, shape, name="id", single=len(rows) == 1)


def _tables(row: Row, shape: Output, lacks: str) -> None:
    if row["steps"] or "now" not in row:
        emit(row["steps"], _STEPS, shape)
    if row["suspects"]:
        emit(row["suspects"], _SUSPECTS, shape)
    if lacks:
        answer(f"no tray is suspected for its parts: {lacks}", shape)


def _seal(row: Row) -> str:
    """Return what is to be said of a run's seal, a dash where its record fits it."""
    if row["altered"]:
        return f"ALTERED since it was sealed: {row['altered']}"
    return f"whether it is as it was sealed is not known: {row['unproven']}" if row["unproven"] else NOTHING


def _told(step: Any, rack: str = "") -> None:
    note(
        (f"{short(rack)} " if rack else "")
        + f"{step.id}: {str(step.outcome).upper()}"
        + (f", {step.said}" if step.said else "")
    )


def _found(step: Row) -> str:
    texts = [f["text"] for m in step["measures"] for f in m["findings"]]
    texts += [m["title"] for m in step["measures"] if m["outcome"] == "uncompared"]
    more = f" and {len(texts) - MOST_TOLD} more" if len(texts) > MOST_TOLD else ""
    return "; ".join(texts[:MOST_TOLD]) + more if texts else "–"


app.command("plan")(plan)
app.command("done")(done)
app.command("stop")(stop)
app.command("waive")(waive)
app.command("report")(report)
app.command("baseline")(baseline)
