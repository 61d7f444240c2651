"""`rackwright-agent`: one host's GPUs, or with `--emulated` all hosts of an emulator, until a signal ends it."""

import argparse
import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from firmware_bridge.one_line import OneLineParser
from firmware_bridge.vocabulary.errors import ConfigurationError, RackwrightError
from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, leaf_of, parse_place, tray_of
from rack_controller.agent.bus import AgentBus, BusLogin
from rack_controller.agent.emulated import EmulatedHosts
from rack_controller.agent.host import HostAgent
from rack_controller.agent.keeping import Keeper
from rack_controller.model.subjects import subjects_of
from rack_controller.run.clock import SystemClock
from rack_controller.run.ending import run_until_one_ends

STOP_SECONDS = 3.0
MEMORIES = "agents"  # a file for each emulated host, in the state directory


def main(argv: Sequence[str] | None = None) -> int:
    """Run until stopped.  Returns the exit code of the contract; an error is one line on stderr."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        if given[:1] == ["stress"]:
            from rack_controller.agent.stress import main as stress

            return stress(given[1:], version("rackwright"))
        options = _parser().parse_args(given)
        logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        if options.stand:
            asyncio.run(_stand(options.memory))
        else:
            asyncio.run(_emulated(options.emulated) if options.emulated else _real(options))
    except RackwrightError as err:
        sys.stderr.write(f"rackwright-agent: {err}\n")
        return err.exit_code
    return 0


async def _stand(memory: Path | None) -> None:
    """Set the standing limits that an agent which is gone wrote down."""
    from firmware_bridge.drivers.nvml.host import NvmlHost

    if memory is None:
        raise ConfigurationError("--stand needs --memory", advice="the file that the agent was given")
    host = NvmlHost(SystemClock())
    try:
        await host.sample()  # opens the library
        await Keeper(host, SystemClock(), "", memory).keep()
    finally:
        await host.close()


async def _real(options: argparse.Namespace) -> None:
    from firmware_bridge.drivers.nvml.host import NvmlHost

    place = _place(options.place)
    clock = SystemClock()
    bus = AgentBus(_login(options), f"rackwright-agent {place}")
    said, heard = _subjects(place)
    agent = HostAgent(said, NvmlHost(clock), bus.say, clock, secrets.token_hex(8), options.memory)
    bus.hear(heard, agent.hear)
    await _until_told([bus.run(), agent.run()])


async def _emulated(state: Path) -> None:
    clock = SystemClock()
    hosts = EmulatedHosts(state, clock)
    url = (state / "nats" / "url").read_text().strip()
    bus = AgentBus(BusLogin(url, state / "nats" / "agent.nk"), "rackwright-agent, emulated hosts")
    agents = []
    for place in [Place(p) for p in await hosts.places()]:
        (said, heard), memory = _subjects(place), state / MEMORIES / f"{tray_of(place).replace('/', '_')}.json"
        agent = HostAgent(said, hosts.hosts[place], bus.say, clock, secrets.token_hex(8), memory)
        bus.hear(heard, agent.hear)
        agents.append(agent)
    await _until_told([bus.run(), hosts.run(), *(agent.run() for agent in agents)])


async def _until_told(works: Sequence[object]) -> None:
    loop = asyncio.get_running_loop()
    serving = asyncio.ensure_future(run_until_one_ends(works))  # type: ignore[arg-type]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        return


def _subjects(place: Place) -> tuple[str, str]:
    """Return on which subject a host's agent speaks, and on which it hears."""
    slot = leaf_of(tray_of(place))
    try:
        return subjects_of(place).agent_telemetry(slot), subjects_of(place).agent_cap(slot)
    except ValueError as err:
        raise ConfigurationError(f"--place {place}: {err}", advice="site, rack and slot without dots") from err


def _place(text: str | None) -> Place:
    try:
        place = parse_place(text or "")
    except ValueError as err:
        raise ConfigurationError(f"--place: {err}", advice="for example tx1/a/r03/k07/u11") from err
    if place.count("/") + 1 != TRAY_PARTS:
        raise ConfigurationError(f"--place {place}: no tray", advice="<site>/<hall>/<row>/<rack>/<slot>")
    return place


def _login(options: argparse.Namespace) -> BusLogin:
    if not options.bus:
        raise ConfigurationError("--bus is missing", advice="the URL in <state>/nats/url of the rack's controller")
    if options.seed is None or not options.seed.is_file():
        advice = "copy <state>/nats/agent-<rack>.nk of the controller, mode 600"
        raise ConfigurationError(f"--seed {options.seed}: no such file", advice=advice)
    if options.seed.stat().st_mode & 0o077:
        raise ConfigurationError(f"--seed {options.seed}: others may read it", advice=f"chmod 600 {options.seed}")
    return BusLogin(options.bus, options.seed, options.ca)


def _parser() -> argparse.ArgumentParser:
    told = os.environ.get
    parser = OneLineParser(
        prog="rackwright-agent",
        description="Read this host's GPUs through NVML and say it on the rack's bus.",
        epilog="Every option can be given in the environment: RACKWRIGHT_AGENT_PLACE, _BUS, _SEED, _CA, _MEMORY.",
    )
    parser.add_argument(
        "--place", default=told("RACKWRIGHT_AGENT_PLACE"), help="this host's tray: site/hall/row/rack/slot"
    )
    parser.add_argument("--bus", default=told("RACKWRIGHT_AGENT_BUS"), help="URL of the rack's bus, nats://HOST:PORT")
    parser.add_argument(
        "--seed", type=Path, default=_path(told("RACKWRIGHT_AGENT_SEED")), help="file with the nkey seed"
    )
    parser.add_argument(
        "--ca", type=Path, default=_path(told("RACKWRIGHT_AGENT_CA")), help="authority of the bus (PEM)"
    )
    parser.add_argument(
        "--memory",
        type=Path,
        default=_path(told("RACKWRIGHT_AGENT_MEMORY")),
        help="file that keeps standing limits over a restart",
    )
    parser.add_argument(
        "--stand", action="store_true", help="set the standing limits of --memory and end: what a unit runs at its end"
    )
    parser.add_argument("--emulated", type=Path, metavar="STATE", help="speak for every host of the emulator there")
    parser.add_argument("--log-level", default=told("RACKWRIGHT_LOG", "INFO"))
    return parser


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
