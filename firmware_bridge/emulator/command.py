"""`rackwright emulate fault|state|speed|step|demand|flash|papers`: drive the emulator that runs on a state directory.

It talks to the control socket and starts nothing.  Data goes to standard output; a failure is one line and exit code 2.
"""

import argparse
import difflib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firmware_bridge.emulator.control import EmulatorControl
from firmware_bridge.emulator.fault_kinds import KINDS, FaultKind
from firmware_bridge.emulator.floor_papers import as_csv
from firmware_bridge.one_line import OneLineParser
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.place import Place, rack_name

VERBS = ("fault", "state", "speed", "step", "demand", "flash", "papers")
PROGRAM = "rackwright emulate"
_NUMBERS = {
    "from": "begin so many emulated seconds from now (0)",
    "until": "end so many emulated seconds from now",
    "for": "last so many seconds",
    "every": "come back after so many seconds, each time for --for",
    "probability": "strike with this chance, 0 to 1",
    "seconds": "how late, slow or far apart, by kind",
    "ratio": "of a port's bit errors, 0 to 1",
}
_WHOLE = {
    "times": "strike so often, then never again",
    "seed": "of the dice",
    "status": "HTTP status",
    "code": "Modbus exception",
}
_TEXTS = {
    "uri": "only request paths that fit this glob, on a serial line 3/0x9202",
    "level": "of a leak, port or fabric manager: warning or critical",
    "location": "of a redirect or a foreign link",
    "register": "only registers whose name fits this glob",
    "text": "of a stale or wrong version",
}
_NAMED = {"for": "lasts"}
_METAVARS: dict[type, str] = {float: "NUMBER", int: "WHOLE", str: "TEXT"}
_WHERE_TO_LOOK = f"`{PROGRAM} fault kinds` lists kinds and details, `rackwright tray list` places"
Row = dict[str, Any]


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code.  Raises ConfigurationError and its children."""
    asked = _parser().parse_args(argv)
    state = asked.state or Path(os.environ.get("RACKWRIGHT_STATE", ".rackwright"))
    try:
        asked.run(EmulatorControl(state.absolute()), asked)
    except ValueError as err:
        raise ConfigurationError(f"refused: {err}", advice=_WHERE_TO_LOOK) from err
    return 0


def _list(control: EmulatorControl, asked: argparse.Namespace) -> None:
    rows = control.list_faults()
    table = [(r["id"], r["fault"]["what"], r["fault"].get("where", "*"), _when(r["fault"]), _counts(r)) for r in rows]
    _show(asked, rows, ("ID", "WHAT", "WHERE", "WHEN", "STRUCK"), table)


def _add(control: EmulatorControl, asked: argparse.Namespace) -> None:
    fault: Row = {"what": asked.kind, "where": asked.where}
    for name in (*_NUMBERS, *_WHOLE, *_TEXTS):
        value = getattr(asked, f"with_{name}")
        if value is not None:
            fault[_NAMED.get(name, name)] = value
    ids = control.add_faults([fault], from_now=True)
    _show(asked, [{"id": i} for i in ids], ("ID",), [(i,) for i in ids])


def _clear(control: EmulatorControl, asked: argparse.Namespace) -> None:
    gone = control.clear_faults(asked.ids or None)
    _show(asked, [{"id": i} for i in gone], ("CLEARED",), [(i,) for i in gone])


def _kinds(control: EmulatorControl, asked: argparse.Namespace) -> None:
    rows = [
        {"kind": kind, "layers": [str(x) for x in spec.layers], "does": spec.does, "reads": list(spec.reads)}
        for kind, spec in KINDS.items()
    ]
    table = [(str(k), ", ".join(s.layers), s.does, " ".join(f"--{r}" for r in s.reads)) for k, s in KINDS.items()]
    _show(asked, rows, ("KIND", "WHERE", "WHAT HAPPENS", "DETAILS"), table)


def _state(control: EmulatorControl, asked: argparse.Namespace) -> None:
    state = control.state()
    del state["ok"]
    if asked.output == "json":
        _print(json.dumps({"schema_version": 1, **state}, indent=2))
        return
    _print(
        f"{state['time']:.1f} s at speed {state['speed']:g}; {state['endpoints']} endpoints, "
        f"{state['connections']} connections, {len(state['faults'])} faults"
    )
    heads = ("RACK", "LOAD kW", "INPUT kW", "HOTTEST °C", "FLOW L/min")
    _table(heads, [tuple(_figures(rack)) for rack in state["racks"]])


def _speed(control: EmulatorControl, asked: argparse.Namespace) -> None:
    control.speed(asked.factor)


def _step(control: EmulatorControl, asked: argparse.Namespace) -> None:
    time = control.step(asked.seconds)
    _print(json.dumps({"schema_version": 1, "time": time}) if asked.output == "json" else f"{time:.1f} s")


def _demand(control: EmulatorControl, asked: argparse.Namespace) -> None:
    control.set_demand(None if asked.share == "trace" else float(asked.share), asked.where)


def _flash(control: EmulatorControl, asked: argparse.Namespace) -> None:
    count = control.set_flash(asked.seconds, asked.where)
    _show(asked, [{"endpoints": count}], ("ENDPOINTS",), [(str(count),)])


def _papers(control: EmulatorControl, asked: argparse.Namespace) -> None:
    known = [str(rack["place"]) for rack in control.state()["racks"]]
    rack = next((p for p in known if asked.rack in (p, rack_name(Place(p)))), asked.rack)
    rows = control.papers(rack)
    if asked.output == "json":
        _show(asked, rows, (), ())
    else:
        sys.stdout.write(as_csv(rows))


def _figures(rack: Row) -> list[str]:
    watts = [f"{rack[name] / 1000:.1f}" for name in ("load_w", "shelf_input_w")]
    return [rack["place"], *watts, f"{rack['hottest_gpu_c']:.1f}", f"{rack['flow_lpm']:.0f}"]


def _when(fault: Row) -> str:
    said = [f"{name} {fault[name]:.1f} s" for name in ("from", "until", "every", "lasts") if name in fault]
    odds = [f"probability {fault['probability']:g}"] if "probability" in fault else []
    return ", ".join([*said, *odds, *([f"{fault['times']} times"] if "times" in fault else [])]) or "always"


def _counts(row: Row) -> str:
    return f"{row['struck']}" if row["on"] else f"{row['struck']} (off now)"


def _show(asked: argparse.Namespace, rows: list[Row], heads: tuple[str, ...], table: Sequence[tuple[str, ...]]) -> None:
    if asked.output == "json":
        _print(json.dumps({"schema_version": 1, "items": rows}, indent=2))
    else:
        _table(heads, table)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(line[n]) for line in (heads, *rows)) for n in range(len(heads))]
    for line in (heads, *rows):
        _print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _parser() -> argparse.ArgumentParser:
    shared = OneLineParser(add_help=False)
    shared.add_argument("--state", type=Path, help="state directory (RACKWRIGHT_STATE, ./.rackwright)")
    shared.add_argument("-o", "--output", choices=("table", "json"), default="table")
    top = OneLineParser(prog=PROGRAM, description="Drive the emulator that runs on a state directory.")
    nouns = top.add_subparsers(required=True, metavar="|".join(VERBS))
    fault = nouns.add_parser("fault", help="break things, and mend them").add_subparsers(
        required=True, metavar="list|add|clear|kinds"
    )
    _verb(fault, shared, "list", _list, "the faults in force, and how often each has struck")
    _verb(fault, shared, "kinds", _kinds, "what can be broken")
    clear = _verb(fault, shared, "clear", _clear, "mend by id, or everything")
    clear.add_argument("ids", nargs="*", metavar="ID")
    _add_options(_verb(fault, shared, "add", _add, "break something; prints the fault's id"))
    _verb(nouns, shared, "state", _state, "time, faults, and each rack's main figures")
    _verb(nouns, shared, "speed", _speed, "emulated seconds per second").add_argument("factor", type=float)
    _verb(nouns, shared, "step", _step, "move emulated time on at once").add_argument("seconds", type=float)
    demand = _verb(nouns, shared, "demand", _demand, "what every GPU asks for")
    demand.add_argument("share", type=_share, help="0 (idle) to 1.5, or trace")
    demand.add_argument("where", nargs="?", default="*", metavar="WHERE", help="a glob over GPUs: '*/u12/gpu*'")
    flash = _verb(nouns, shared, "flash", _flash, "how long an image takes to be written")
    flash.add_argument("seconds", type=float, help="emulated seconds, from the next image on")
    flash.add_argument("where", nargs="?", default="*", metavar="WHERE", help="a glob over endpoints: '*/u12/bmc'")
    papers = _verb(nouns, shared, "papers", _papers, "the CSV that a floor would hand in of a healthy rack")
    papers.add_argument("--rack", "-r", required=True, help="the rack, by its place or its last part (k01)")
    return top


def _verb(parent: Any, shared: argparse.ArgumentParser, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = parent.add_parser(name, parents=[shared], help=text, description=text)
    made.set_defaults(run=run)
    return made


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", type=_kind, metavar="KIND", help=f"see `{PROGRAM} fault kinds`")
    parser.add_argument(
        "where", metavar="WHERE", help="a glob over places: '*/u14/leak1', '*/u22/bmc', '*/k02/lines/power'"
    )
    for kind, options in ((float, _NUMBERS), (int, _WHOLE), (str, _TEXTS)):
        for name, text in options.items():
            parser.add_argument(f"--{name}", dest=f"with_{name}", metavar=_METAVARS[kind], type=kind, help=text)


def _kind(text: str) -> str:
    """Return a kind of fault.  There are dozens: what is none is told with the nearest, not with all of them."""
    known = [str(kind) for kind in FaultKind]
    if text in known:
        return text
    near = difflib.get_close_matches(text, known, n=1)
    hint = f", did you mean {near[0]}" if near else ""
    raise argparse.ArgumentTypeError(f"no kind {text!r}{hint}; `{PROGRAM} fault kinds` lists them")


def _share(text: str) -> str:
    if text != "trace":
        float(text)
    return text
