"""`rackwright bench power`: how well a power controller keeps a limit, on the plant, with no server and no hardware."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datacenter_api.cli.options import As, Json, chosen
from datacenter_api.cli.output import Column, Output, emit
from firmware_bridge.vocabulary.errors import ConfigurationError

if TYPE_CHECKING:
    from rack_controller.powerbench.hall import Trace
    from rack_controller.powerbench.score import Score

app = typer.Typer(help="Benchmarks on emulated racks, in virtual time.", no_args_is_help=True)
MOST_SEEDS = 100


def _number(row: dict[str, Any], field: str, form: str) -> str:
    value = row[field]
    return "–" if value is None else format(value, form)


_COLUMNS = (
    Column("CONTROLLER", lambda r: str(r["controller"])),
    Column("CLASS", lambda r: str(r["safety"])),
    Column("OVER s", lambda r: _number(r, "over_s", ".1f"), right=True),
    Column("OVER kJ", lambda r: _number(r, "over_kj", ".1f"), right=True),
    Column("WORST", lambda r: _number(r, "overshoot", ".2%"), right=True),
    Column("SETTLE s", lambda r: _number(r, "settle_s", ".1f"), right=True),
    Column("TRAINING", lambda r: _number(r, "training", ".4f"), right=True),
    Column("OF ORACLE", lambda r: _number(r, "training_of_oracle", ".4f"), right=True),
    Column("SERVED", lambda r: _number(r, "served", ".4f"), right=True),
    Column("DELAY P99 s", lambda r: _number(r, "delay_p99_s", ".2f"), right=True),
    Column("LOAD", lambda r: _number(r, "mean_load", ".3f"), right=True, wide=True),
    Column("HOTTEST °C", lambda r: _number(r, "hottest_c", ".1f"), right=True, wide=True),
    Column("WRITES/s", lambda r: _number(r, "writes_per_s", ".0f"), right=True, wide=True),
    Column("WRITES/GPU min", lambda r: _number(r, "writes_per_gpu_min", ".1f"), right=True, wide=True),
    Column("WARM s", lambda r: _number(r, "hot_s", ".1f"), right=True, wide=True),
    Column("BREAKER HEAT", lambda r: _number(r, "heat", ".2f"), right=True, wide=True),
    Column("DARK s", lambda r: _number(r, "dark_s", ".1f"), right=True, wide=True),
    Column("CAPS s", lambda r: _number(r, "caps_s", ".2f"), right=True, wide=True),
    Column("OFF s", lambda r: _number(r, "off_s", ".2f"), right=True, wide=True),
    Column("DECIDE µs", lambda r: _number(r, "decide_us", ".0f"), right=True, wide=True),
)


@app.command("power")
def power(
    scenario: Annotated[str, typer.Option(help="A shipped scenario's name or a file.")] = "s1",
    trace: Annotated[
        list[Path] | None,
        typer.Option(
            help="Requests that serving racks get (TIMESTAMP,ContextTokens,GeneratedTokens), or node power that racks "
            "replay (t_s,node1_W,…); may be given for both."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds; medians are shown, of safety the worst.")] = 3,
    controllers: Annotated[str, typer.Option(help="Comma-separated, or `all`.")] = "static,dynamo,budget",
    margin: Annotated[float, typer.Option(help="Baselines believe in the limit times this.")] = 1.0,
    errors: Annotated[bool, typer.Option(help="A law 10 % wrong, jittered writes, 2 % of them lost.")] = False,
    oversubscription: Annotated[float | None, typer.Option(help="Instead of the scenario's.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Instead of the scenario's.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page with plots there: one HTML file, no scripts.")
    ] = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Run power controllers on one scenario and compare them with an oracle."""
    from rack_controller.powerbench.report import Shown, html_report
    from rack_controller.powerbench.run import CONTENDERS, median, run_logged, run_once, with_errors
    from rack_controller.powerbench.scenario import changed, read_scenario

    names = list(CONTENDERS) if controllers == "all" else [n.strip() for n in controllers.split(",") if n.strip()]
    unknown = [n for n in names if n not in CONTENDERS]
    if unknown or not names:
        raise ConfigurationError(f"--controllers {controllers!r}: expected some of {', '.join(CONTENDERS)}, or all")
    if not 1 <= seeds <= MOST_SEEDS:
        raise ConfigurationError(f"--seeds {seeds}: expected 1 to {MOST_SEEDS}")
    if not 0.3 <= margin <= 2.0:
        raise ConfigurationError(f"--margin {margin:g}: expected 0.3 to 2")
    run = changed(read_scenario(scenario), oversubscription=oversubscription, seconds=seconds)
    run = with_errors(run) if errors else run
    requests = _read_traces(trace or [])
    oracle = median([run_once(run, "oracle", seed, requests) for seed in range(seeds)])
    rows, shown = [], []
    for name in names:
        runs = [run_logged(run, name, seed, requests, margin) for seed in range(seeds)]
        score = oracle if name == "oracle" else median([one for one, _ in runs])
        rows.append(_row(run.name, name, score, oracle))
        shown.append(Shown(name, CONTENDERS[name].title, score, runs[0][1]))
    if report is not None:
        _write(report, html_report(run.title, seeds, run.step_s, oracle, shown))
    emit(rows, _COLUMNS, chosen(output, as_json), name="controller")


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as err:
        raise ConfigurationError(f"--report {path}: cannot be written: {err}") from err


def _read_traces(paths: list[Path]) -> "Trace | None":
    """Return what the traces say: requests and node power, told apart by their first line."""
    from dataclasses import replace

    from firmware_bridge.plant.trace import TraceInvalid, parse_trace
    from firmware_bridge.vocabulary.errors import FileInvalid
    from rack_controller.powerbench.arrivals import read_requests
    from rack_controller.powerbench.hall import Trace

    found = Trace()
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as err:
            raise ConfigurationError(f"--trace {path}: cannot be read as text: {err}") from err
        if text.lstrip().startswith("t_s"):
            try:
                found = replace(found, power=parse_trace(text))
            except TraceInvalid as err:
                raise FileInvalid(str(path), err.line, "(row)", err.expected) from err
        else:
            times, work = read_requests(text.splitlines(), str(path))
            found = replace(found, times=times, work=work)
    return found if paths else None


def _row(scenario: str, name: str, score: "Score", oracle: "Score") -> dict[str, Any]:
    from dataclasses import asdict

    fields = {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in asdict(score).items()}
    share = score.training / oracle.training if oracle.training > 0 else float("nan")
    return {
        "scenario": scenario,
        "controller": name,
        "safety": score.safety,
        "training_of_oracle": share if math.isfinite(share) else None,
        **fields,
    }
