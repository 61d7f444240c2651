"""`rackwright evaluate …`: racks and generations on the same plan, side by side, and what it takes to decide."""

import time
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.evaluate_shown import CELLS, CONTRASTS, CRITERIA, MILESTONES, NEEDED, ROWS, SHEETS, cell_text
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Output, Row, answer, emit, note
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.vocabulary.errors import ConfigurationError

app = typer.Typer(help="Evaluation: racks and generations side by side, what is real, what it takes.")
V1 = "/api/v1/evaluations"
DOES_NOT_COUNT = 9
PlanName = Annotated[str, typer.Option("--plan", help="An evaluation plan's name.")]
Ids = Annotated[
    list[str] | None, typer.Option("--id", help="Only these evaluations; may be given again.", show_default=False)
]
Day = Annotated[str, typer.Option("--by", help="The day to decide on: YYYY-MM-DD.", show_default=False)]


class Form(StrEnum):
    """What a comparison is written as."""

    JSON = "json"
    CSV = "csv"
    DIFFERENCES = "differences"


@app.command("plan")
def plan(
    name: Annotated[str, typer.Argument(help="A plan's name.")] = "standard",
    effect: Annotated[float | None, typer.Option(help="What must show, in % of the mean.", show_default=False)] = None,
    racks: Annotated[int, typer.Option(min=2, help="Racks of each of two groups.")] = 4,
    by: Day = "",
    days_before: Annotated[int, typer.Option(min=0, help="Days until they can be measured.")] = 0,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show what racks are compared by; with --effect and --by, how many rack-days that takes and whether it is met."""
    import msgspec

    desk = _desk(state)
    if effect is None:
        criteria = [msgspec.to_builtins(c) for c in desk.plan(name).criteria]
        emit(criteria, CRITERIA, chosen(output, as_json), name="id")
        return
    today = datetime.now(UTC).date()
    found = desk.needed(effect, racks, _day(by), today, days_before=days_before, plan=name)
    emit([msgspec.to_builtins(row) for row in found], NEEDED, chosen(output, as_json), name="criterion")


@app.command("run")
def run(
    generations: Annotated[list[str], typer.Argument(help="Generations, such as gb200-nvl72 gb300-nvl72.")],
    racks: Annotated[int, typer.Option(min=1, max=500, help="Virtual racks of each.")] = 4,
    seed: Annotated[int, typer.Option(help="What they are made from.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="How often each is measured.")] = 1,
    name: PlanName = "standard",
    trace: Annotated[Path | None, typer.Option(help="The recorded load: t_s,node1_W,…", show_default=False)] = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Measure virtual racks of some generations on the same plan and trace, and keep what came of it, sealed."""
    import getpass

    import msgspec

    from datacenter_api import __version__
    from rack_controller.evaluation.run import EvaluationWish, run_evaluation

    wish = EvaluationWish(tuple(generations), racks, seed, repeats, name, trace)
    root = state or default_state()
    folder = run_evaluation(wish, root, getpass.getuser(), __version__, time.time_ns(), _told)
    shape = chosen(output, as_json)
    _show(msgspec.to_builtins(_desk(state).show(folder.name)), shape)
    answer(f"{folder.name}: sealed in {folder}; `rackwright evaluate compare` lays it beside the others", shape)


@app.command("take")
def take(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="An acceptance run of this state directory.")],
    name: PlanName = "standard",
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Take what an acceptance run has measured, from its sealed raw series, as an evaluation of its rack."""
    import getpass

    import msgspec

    from datacenter_api import __version__
    from rack_controller.evaluation.run import take_run

    folder = take_run(run_id, name, state or default_state(), getpass.getuser(), __version__, time.time_ns())
    _show(msgspec.to_builtins(_desk(state).show(folder.name)), chosen(output, as_json))


@app.command("compare")
def compare(
    by: Annotated[str, typer.Option("--group-by", help="generation, rack or run.")] = "generation",
    ids: Ids = None,
    only: Annotated[list[str] | None, typer.Option("--rack", help="Only these racks.", show_default=False)] = None,
    export: Annotated[Path | None, typer.Option(help="Write it to a file.", show_default=False)] = None,
    form: Annotated[Form, typer.Option(help="Of the file: json, csv (values), differences (csv).")] = Form.JSON,
    name: PlanName = "standard",
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Lay racks side by side: values with intervals, and which differences are real."""
    import msgspec

    from rack_controller.prove.evaluate.as_csv import differences_csv, values_csv

    shape = chosen(output, as_json)
    found = _desk(state).comparison(by, ids or (), racks=only or (), prices=True, plan=name)
    if export is not None:
        text = {
            Form.JSON: lambda: msgspec.json.format(msgspec.json.encode(found)).decode() + "\n",
            Form.CSV: lambda: values_csv(found),
            Form.DIFFERENCES: lambda: differences_csv(found),
        }[form]()
        try:
            export.write_text(text, encoding="utf-8")
        except OSError as err:
            raise ConfigurationError(f"{export} is not written: {err.strerror}", advice="another file") from err
        answer(f"{export} written", shape)
    row = msgspec.to_builtins(found)
    if not shape.is_table:
        emit([row], (), shape, name="plan", single=True)
        return
    units = {c["id"]: c["unit"] for c in row["criteria"]}
    emit([{**c, "text": cell_text(c), "unit": units[c["criterion"]]} for c in row["cells"]], CELLS, shape)
    if row["contrasts"]:
        emit(row["contrasts"], CONTRASTS, shape)
        answer(f"{row['method']} Tests: {row['tests']}.", shape)


@app.command("show")
def show(
    evaluation: Annotated[str, typer.Argument(help="An evaluation; all are listed where none is named.")] = "",
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show what came of an evaluation, or those that are kept; exit code 9 for one that does not count."""
    import msgspec

    desk = _desk(state)
    if evaluation:
        row, shape = msgspec.to_builtins(desk.show(evaluation)), chosen(output, as_json)
        _show(row, shape)
        if row["evaluation"]["fault"]:
            answer(row["evaluation"]["fault"], shape)
            raise typer.Exit(DOES_NOT_COUNT)
        return
    emit([msgspec.to_builtins(r) for r in desk.kept()], ROWS, chosen(output, as_json), name="id")


@app.command("note")
def add_milestone(
    rack: Annotated[str, typer.Argument(help="The rack's place in full.")],
    what: Annotated[str, typer.Argument(help="docked, first_job, failed or repaired.")],
    at: Annotated[str, typer.Option("--at", help="When it was (ISO 8601, UTC); now where nothing is said.")] = "",
    text: Annotated[str, typer.Option("--note", help="What is worth knowing of it.")] = "",
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Note a moment of a rack: what the time to repair and the time from dock to first job are made of."""
    body = {"rack": rack, "what": what, "at": at or None, "note": text}
    noted = connect(url, state).post(f"{V1}/milestones", body)
    emit([noted], MILESTONES, chosen(output, as_json), name="rack", single=True)


def _show(row: Row, shape: Output) -> None:
    if not shape.is_table:
        emit([{**row, "id": row["evaluation"]["id"]}], ROWS, shape, name="id", single=True)
        return
    emit([row["evaluation"]], ROWS, shape, name="id")
    emit(row["sheets"], SHEETS, shape, name="rack")


def _desk(state: Path | None) -> Any:
    from datacenter_api.evaluation.desk import EvaluationDesk
    from datacenter_api.passports.desk import PassportDesk

    root = state or default_state()
    return EvaluationDesk(root, PassportDesk(root))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as err:
        raise ConfigurationError(f"--by {text!r}", advice="the day to decide on, as YYYY-MM-DD") from err


def _told(generation: str, sheets: int) -> None:
    note(f"{generation}: {sheets} sheets")
