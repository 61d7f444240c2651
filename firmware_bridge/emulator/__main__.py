"""`python -m firmware_bridge.emulator`: racks or one recorded tree, until a signal; or commands to a running one.

Prints one JSON line when ready; everything else goes to stderr.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

import uvloop

from firmware_bridge.emulator import command
from firmware_bridge.emulator.control_server import ControlServer
from firmware_bridge.emulator.faults import Fault, read_faults
from firmware_bridge.emulator.hall import Hall, HallOptions
from firmware_bridge.emulator.process import die_with_parent, ensure_files, map_large_blocks
from firmware_bridge.emulator.recording import Recording
from firmware_bridge.installation import own_generations
from firmware_bridge.long_running import begin
from firmware_bridge.one_line import OneLineParser
from firmware_bridge.vocabulary.errors import ConfigurationError, RackwrightError

SWITCH_S = 0.0005  # serial lines run in a thread of their own and must not wait 5 ms for the others


def main(argv: list[str] | None = None) -> int:
    """Run the emulator, or one command for a running one; return the exit code."""
    words = sys.argv[1:] if argv is None else argv
    begin()
    try:
        if words and words[0] in command.VERBS:
            return command.main(words)
        if words and not words[0].startswith("-"):
            raise ConfigurationError(
                f"no verb {words[0]!r}", advice=f"use {', '.join(command.VERBS)}, or options alone to run one"
            )
        options = _parser().parse_args(words)
        if options.die_with_parent:
            die_with_parent()
        faults = read_faults(options.faults) if options.faults else ()
        uvloop.run(_run_recording(options, faults) if options.capture else _run_hall(options, faults))
    except RackwrightError as err:
        sys.stderr.write(f"rackwright emulate: {err}\n")
        return err.exit_code
    return 0


async def _run_hall(options: argparse.Namespace, faults: tuple[Fault, ...]) -> None:
    if not 0 <= options.speed <= 1000:
        raise ConfigurationError(f"--speed: {options.speed}", advice="use a factor from 0 to 1000")
    state = options.state.absolute()
    hall = Hall(
        HallOptions(
            state=state,
            search=own_generations(state, state / "site.yaml"),
            racks=options.racks,
            load_trace=options.load_trace,
            speed=options.speed,
            site_name=options.site_name,
            address_block=options.address_block,
            faults=faults,
            sound=options.sound,
        )
    )
    ensure_files(*hall.needs)
    sys.setswitchinterval(SWITCH_S)
    map_large_blocks()
    control = ControlServer(hall)
    ended = _ended()
    try:
        await hall.start()
        await control.start()
        _announce({"ready": True, "site": str(hall.site_file), "endpoints": hall.endpoint_count})
        await ended.wait()
    finally:
        await control.stop()
        await hall.stop()


async def _run_recording(options: argparse.Namespace, faults: tuple[Fault, ...]) -> None:
    recording = Recording(options.capture, options.state.absolute(), options.listen, options.password_file, faults)
    ended = _ended()
    try:
        await recording.start()
        _announce(recording.announcement)
        await ended.wait()
    finally:
        await recording.stop()


def _ended() -> asyncio.Event:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    return ended


def _announce(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=command.PROGRAM,
        description="Emulated racks on real HTTPS, loopback only.",
        epilog="To drive one that runs: fault, state, speed, step or demand as the first word (each has its --help).",
    )
    parser.add_argument("--state", type=Path, required=True, help="directory for certificates, credentials, site.yaml")
    parser.add_argument("--racks", default="gb200-nvl72,orv3-hpr-nvl36x2", help="NAME, NAME*COUNT, comma-separated")
    parser.add_argument("--load-trace", type=Path, help="node power over time: t_s,node1_W,…")
    parser.add_argument("--speed", type=float, default=1.0, help="emulated seconds per second")
    parser.add_argument("--site-name", default="emulated", help="first part of every place")
    parser.add_argument("--address-block", default="auto", help="127.A.B[:PORT] or auto")
    parser.add_argument("--sound", action="store_true", help="trees as the schema wants them, not as recorded ones are")
    parser.add_argument("--faults", type=Path, help="fault file (YAML or JSON)")
    parser.add_argument("--capture", type=Path, help="serve this recorded tree instead of racks")
    parser.add_argument("--listen", default="127.0.0.1:0", help="address of a recorded tree")
    parser.add_argument("--password-file", type=Path, help="password of a recorded tree")
    parser.add_argument("--die-with-parent", action="store_true", help="end when whoever started it ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
