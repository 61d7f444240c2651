"""`rackwright accept plan`: what an acceptance asks for, and of racks that run what a run would do before it begins."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from datacenter_api.cli.accept_live import look_over_api, racks_of, say_lacks, wish_of
from datacenter_api.cli.connection import connect
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit
from datacenter_api.cli.state_directory import default_state
from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import ConfigurationError

PlanOpt = Annotated[
    str, typer.Option("--plan", help="Another plan of the generation (short), or a plan's file.", show_default=False)
]
LevelOpt = Annotated[str, typer.Option(help="L10 trays, L11 the rack (of one), L12 racks together.")]
_PLAN = (
    Column("STEP", lambda s: str(s["id"])),
    Column("LEVEL", lambda s: str(s["level"])),
    Column("TITLE", lambda s: str(s["title"])),
    Column("MEASURES", lambda s: str(s["measures"]), right=True),
    Column("AFTER", lambda s: ", ".join(s["after"]) or "–"),
    Column("PEOPLE", lambda s: str(s["people"]) or "–", wide=True),
)
_WOULD = (
    Column("STEP", lambda s: str(s["id"])),
    Column("LEVEL", lambda s: str(s["level"])),
    Column("AT LEAST", lambda s: _long(s["seconds"]), right=True),
    Column("TOOK BEFORE", lambda s: "–" if s["took_s"] is None else _long(s["took_s"]), right=True),
    Column("MEASURES", lambda s: str(s["measures"]), right=True),
    Column("WHAT IS DONE", lambda s: "; ".join(s["does"]) or "looks only"),
    Column("PEOPLE", lambda s: str(s["people"]) or "–", wide=True),
)


def plan(
    generation: Annotated[str, typer.Argument(help="A generation, such as gb200-nvl72.")] = "gb200-nvl72",
    racks: Annotated[
        list[str] | None,
        typer.Option("--rack", "-r", help="What a run of this rack, which runs, would do.  Several together: L12."),
    ] = None,
    level: LevelOpt = "",
    chosen_plan: PlanOpt = "",
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show a generation's acceptance plan; a bad one is refused with file, line and reason."""
    import msgspec

    from rack_controller.acceptance.plans import plan_path, read_plan

    search = own_generations(state or default_state())
    name, file = plan_named(chosen_plan, "" if racks else generation, search)
    if racks:
        found = look_over_api(connect(url, state), wish := wish_of(racks, level, name, file))
        _show(found, racks_of(wish), chosen(output, as_json))
        return
    read, _ = read_plan(file or plan_path(generation, search, name), search)
    rows: list[Row] = [
        {
            "id": s.id,
            "level": s.level.value,
            "title": s.title,
            "required": s.required,
            "measures": len(s.measures),
            "after": s.after,
            "people": s.people,
            "limits": [msgspec.to_builtins(m) for m in s.measures],
        }
        for s in read.steps
    ]
    emit(rows, _PLAN, chosen(output, as_json), name="id")


def plan_named(said: str, generation: str, search: Sequence[Path]) -> tuple[str, Path | None]:
    """Return a plan by name or as a file; what is neither is refused.  `generation` empty: it is the rack's.

    `search`: folders with generations of one's own.
    """
    from rack_controller.acceptance.plans import plan_names

    if not said:
        return "", None
    file = Path(said)
    if file.suffix or file.exists() or "/" in said:
        return "", file
    known = plan_names(generation, search) if generation else []
    if generation and said not in known:
        advice = f"a file, or one of: {', '.join(known) or 'none ships beside the whole one'}"
        raise ConfigurationError(f"{generation} has no plan {said[:64]!r}", advice=advice)
    return said, None


def _show(found: Any, racks: list[str], shape: Output) -> None:
    """Show what a run would do, what it lacks, and which run has its racks."""
    import msgspec

    row: Row = msgspec.to_builtins(found)
    if shape in (Output.JSON, Output.YAML):
        emit([row], _WOULD, shape, single=True)
        return
    emit(row["steps"], _WOULD, shape, name="id")
    say = functools.partial(answer, output=shape)
    say(f"{found.title}, up to {found.level}, on {' '.join(racks)}: at least {_long(found.seconds)}")
    if found.took:
        say(f"by {found.took} about {_long(found.expected_s)}")
    for text in say_lacks(found, racks, say):
        say(text)
    for holder in found.taken:
        say(f"it cannot begin now: {holder.what}: {holder.advice}")


def _long(seconds: float) -> str:
    from rack_controller.prove.report.written import duration

    return duration(seconds) if seconds else "at once"
