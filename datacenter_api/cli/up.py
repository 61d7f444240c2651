"""`rackwright up`: one command for bus, emulated racks, controller and API; one screen; one key to stop."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datacenter_api.cli.nats_config import BusFiles, write_bus_config
from datacenter_api.cli.state_directory import (
    OTHER_READY_FILE,
    StateLock,
    StatePaths,
    check_port,
    check_ready_file,
    default_state,
    free_port,
    write_json,
)
from datacenter_api.cli.supervise import Child, Supervisor, raise_file_limit
from datacenter_api.listen import DEFAULT_LISTEN, Listen, parse_listen
from firmware_bridge.installation import own_generations
from firmware_bridge.long_running import begin
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit, RackwrightError
from firmware_bridge.vocabulary.place import rack_name
from firmware_bridge.vocabulary.units import Seconds

if TYPE_CHECKING:  # the screen pulls in rich; `rackwright --help` must stay quick
    from datacenter_api.cli.status_screen import FleetWatch
    from datacenter_api.fleet.summary import RackSummary
    from rack_controller.sites import SiteSummary

EMULATED_SITE = "lab1"
FIRST_ANSWER_SECONDS = 60.0
SILENT_SECONDS = 60.0  # how long emulated endpoints are waited for before the others count
LOOK_SECONDS = 1.0
FILES_PER_ENDPOINT = 4
ENDPOINTS_PER_RACK = 60  # per name: a system of two racks is one name and has fifty
DEFAULT_RACKS = "gb200-nvl72,orv3-hpr-nvl36x2"
MOST_RACKS = 200  # what one emulator holds
FILES_BESIDES = 512


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the user asked for."""

    state: Path
    listen: Listen
    racks: str
    site: Path | None
    load_trace: Path | None
    speed: float
    ready_file: Path | None
    faults: Path | None
    bus_listen: Listen | None = None
    building_listen: Listen | None = None


def up(
    state: Annotated[
        Path | None, typer.Option(help="state directory (default $RACKWRIGHT_STATE or .rackwright)")
    ] = None,
    listen: Annotated[str, typer.Option(help="where API and console listen")] = DEFAULT_LISTEN,
    racks: Annotated[str, typer.Option(help="emulated racks: NAME, NAME*10, or several with commas")] = DEFAULT_RACKS,
    site: Annotated[Path | None, typer.Option(help="site file of real hardware: no emulator, observe only")] = None,
    load_trace: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="CSV of node power that drives the emulated load")
    ] = None,
    speed: Annotated[float, typer.Option(min=0, max=1000, help="how fast emulated time runs")] = 1.0,
    faults: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="faults for the emulator, as data")
    ] = None,
    ready_file: Annotated[Path | None, typer.Option(help="JSON written when every rack is live")] = None,
    bus_listen: Annotated[
        str | None, typer.Option(help="where agents of GPU hosts reach the bus, with TLS (default: loopback only)")
    ] = None,
    building_listen: Annotated[
        str | None, typer.Option(help="where the building's system reaches MQTT, with TLS (default: loopback only)")
    ] = None,
) -> None:
    """Start bus, racks, controller and API; show them; stop all of it with Ctrl-C."""
    begin()
    address = parse_listen(listen)
    door = None if bus_listen is None else parse_listen(bus_listen, "--bus-listen", "0.0.0.0:4222")
    gate = None
    if building_listen is not None:
        gate = parse_listen(building_listen, "--building-listen", "0.0.0.0:8883")
    root = (state or default_state()).absolute()
    endpoints = ENDPOINTS_PER_RACK * count_racks(racks)
    if site is None:
        check_designs(racks, root)
    if ready_file is not None:
        check_ready_file(ready_file)
    with StateLock(root):
        raise_file_limit(FILES_BESIDES + FILES_PER_ENDPOINT * endpoints)
        check_port(address.host, address.port)
        if address.port == 0:
            address = Listen(address.host, free_port(address.host))
        options = UpOptions(root, address, racks, site, load_trace, speed, ready_file, faults, door, gate)
        asyncio.run(_Up(options).run())


def count_racks(spec: str) -> int:
    """Return how many racks `--racks` asks for; a part that is none counts as one, the emulator will name it.

    Raises ConfigurationError for more than one emulator can hold.
    """
    times = [part.partition("*")[2].strip() for part in spec.split(",")]
    count = sum(int(n[:9]) if n.isascii() and n.isdigit() else 1 for n in times)
    if count > MOST_RACKS:
        raise ConfigurationError(f"--racks {spec[:80]!r}: more than {MOST_RACKS} racks", advice="ask for fewer")
    return count


def check_designs(spec: str, state: Path) -> None:
    """Raise ConfigurationError for a name in `--racks` that no generation has, the installation's own included: before
    a password is made and shown."""
    from rack_controller.sites import check_generation

    for name in sorted({part.partition("*")[0].strip() for part in spec.split(",")} - {""}):
        check_generation(name, own_generations(state, StatePaths(state).site))


class _Up:
    def __init__(self, options: UpOptions) -> None:
        self._options, self._paths = options, StatePaths(options.state)
        self._stop = asyncio.Event()
        self._notes: list[str] = []
        self._tell_ready: Callable[[], dict[str, object]] | None = None
        self._site: SiteSummary | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        self._forget_files()
        supervisor = Supervisor(self._paths.logs, self._note, self._write_ready)
        try:
            await self._serve(supervisor)
        finally:
            if self._stop.is_set():
                self._say("stopping")
            await supervisor.stop()
            self._forget_files()

    def _forget_files(self) -> None:
        self._paths.server.unlink(missing_ok=True)
        self._paths.ready.unlink(missing_ok=True)
        if self._options.ready_file is not None:
            with contextlib.suppress(OSError):
                self._options.ready_file.unlink(missing_ok=True)

    async def _serve(self, supervisor: Supervisor) -> None:
        if self._options.site is not None:
            self._site = _describe(self._options.site)
        # Racks of an earlier start may not be there any more: the controller will tell which are.
        shutil.rmtree(self._paths.root / "api" / "racks", ignore_errors=True)
        password = self._first_admin()
        if password is not None:  # at once: a start that fails later must not lose it
            self._say(f"login    admin / {password}   (shown this once; change it with `rackwright account password`)")
        bus = self._start(supervisor)
        site_file = await self._site_file(supervisor)
        site = self._site or _describe(site_file)
        expected = {str(rack): count for rack, count in site.endpoints.items()}
        supervisor.start(
            Child(
                "controller",
                [*_module("rack_controller"), "--state", str(self._options.state), "--site", str(site_file)],
            )
        )
        url = self._options.listen.url
        self._say(f"console  {url}/console")
        from datacenter_api.cli.status_screen import FleetWatch, show

        async with FleetWatch(self._options.state) as watch:
            ready = asyncio.create_task(self._announce(supervisor, watch, bus, url, expected))
            screen = asyncio.create_task(show(watch, supervisor, url, self._notes))
            store = asyncio.create_task(self._watch_store(supervisor, watch))
            stopped = asyncio.create_task(self._stop.wait())
            waiting: set[asyncio.Future[Any]] = {stopped, screen, supervisor.failure}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            tasks = (ready, screen, store, stopped)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        if supervisor.failure.done():
            raise supervisor.failure.result()
        for outcome in outcomes:
            if isinstance(outcome, RackwrightError):
                raise outcome

    def _first_admin(self) -> str | None:
        from datacenter_api.auth.accounts import ensure_admin

        return ensure_admin(self._options.state)[1]

    def _start(self, supervisor: Supervisor) -> BusFiles:
        site = EMULATED_SITE if self._site is None else self._site.name
        hosts = () if self._site is None else tuple(rack_name(rack) for rack in self._site.endpoints)
        options = self._options
        bus = write_bus_config(self._paths.nats, site, hosts, options.bus_listen, options.building_listen)
        self._paths.site_name.write_text(site + "\n")
        check_port(bus.host, bus.port)
        supervisor.start(Child("nats", [_nats_server(), "-c", str(bus.config)]))
        listen = str(self._options.listen)
        supervisor.start(
            Child("api", [*_module("datacenter_api"), "--state", str(self._options.state), "--listen", listen])
        )
        return bus

    async def _site_file(self, supervisor: Supervisor) -> Path:
        if self._options.site is not None:
            return self._options.site.absolute()
        argv = [
            *_module("firmware_bridge.emulator"),
            "--state",
            str(self._options.state),
            "--racks",
            self._options.racks,
            "--site-name",
            EMULATED_SITE,
            "--speed",
            str(self._options.speed),
        ]
        if self._options.load_trace is not None:
            argv += ["--load-trace", str(self._options.load_trace)]
        if self._options.faults is not None:
            argv += ["--faults", str(self._options.faults)]
        emulator = supervisor.start(Child("emulator", argv))
        line = await supervisor.first_line(emulator, FIRST_ANSWER_SECONDS)
        try:
            site = Path(json.loads(line)["site"])
        except (ValueError, KeyError, TypeError) as err:
            raise EnvironmentUnfit(
                f"the emulator said {line!r}", advice=f"see {self._paths.logs / 'emulator.log'}"
            ) from err
        supervisor.start(Child("agents", [*_module("rack_controller.agent"), "--emulated", str(self._options.state)]))
        return site

    async def _announce(
        self, supervisor: Supervisor, watch: "FleetWatch", bus: BusFiles, url: str, expected: dict[str, int]
    ) -> None:
        listen = self._options.listen
        await _until_served(listen, self._paths.authority)
        write_json(self._paths.server, {"url": url, "ca_file": str(self._paths.authority)})
        try:
            async with asyncio.timeout(SILENT_SECONDS):
                await watch.until_live(expected, reachable=self._options.site is None)
        except TimeoutError:
            # An emulated endpoint may be told to keep silent: that is no reason to never be ready.
            await watch.until_live(expected, reachable=False)
        await _until_served(listen, self._paths.authority, racks_live=len(expected))
        self._tell_ready = lambda: {
            "url": url,
            "ca_file": str(self._paths.authority),
            "nats": bus.url,
            "pids": {"supervisor": os.getpid(), **supervisor.pids},
        }
        self._write_ready()
        self._note(all_live(watch.summaries()))

    async def _watch_store(self, supervisor: Supervisor, watch: "FleetWatch") -> None:
        """Tell when the bus does not store what racks say, and start it anew when its disk has room again."""
        from datacenter_api.cli.store_watch import StoreWatch

        store, look = self._paths.nats / "store", StoreWatch()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            disk = store if store.exists() else self._options.state
            advice = look.look(watch.storing(), shutil.disk_usage(disk).free, Seconds(time.monotonic()))
            if advice.note:
                self._note(advice.note)
            if advice.start_bus:
                supervisor.start_anew("nats")

    def _write_ready(self) -> None:
        """Write the ready files once every rack is live, and again whenever a child has been started anew."""
        if self._tell_ready is None:
            return
        write_json(self._paths.ready, self._tell_ready())
        if self._options.ready_file is not None:
            write_json(self._options.ready_file.absolute(), self._tell_ready(), OTHER_READY_FILE)

    def _note(self, text: str) -> None:
        self._notes.append(text)
        if not sys.stdout.isatty():
            self._say(text)

    def _say(self, text: str) -> None:
        """Print a line.  A reader that went away (`up | head`) is no reason to let racks go."""
        try:
            typer.echo(text)
        except OSError:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())  # what Python still holds must not fail at exit either


async def _until_served(listen: Listen, authority: Path, racks_live: int = 0) -> None:
    """Wait for the API itself to answer, and to show this many racks live: what it knows is what users see."""
    while True:
        with contextlib.suppress(OSError, ssl.SSLError):
            context = ssl.create_default_context(cafile=str(authority))
            reader, writer = await asyncio.open_connection(listen.host, listen.port, ssl=context)
            writer.write(f"GET /healthz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read(-1)
            writer.close()
            if b" 200 " in answer[:32] and _racks_live(answer) >= racks_live:
                return
        await asyncio.sleep(0.1)


def _racks_live(answer: bytes) -> int:
    try:
        return int(json.loads(answer.partition(b"\r\n\r\n")[2])["racks_live"])
    except (ValueError, KeyError, TypeError):
        return 0


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _nats_server() -> str:
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise EnvironmentUnfit("nats-server is not installed", advice="run make .venv, or put nats-server on the PATH")
    return found


def all_live(racks: "list[RackSummary]") -> str:
    """Return what is said once every rack is heard: that it is live only if all its endpoints answer."""
    silent = [r for r in racks if r.endpoints_reachable < r.endpoints_total]
    if not silent:
        return "every rack is live"
    missing = ", ".join(f"{r.name} {r.endpoints_reachable} of {r.endpoints_total}" for r in silent[:6])
    more = f" and {len(silent) - 6} racks more" if len(silent) > 6 else ""
    return f"every rack is heard; endpoints that answer: {missing}{more} (see `rackwright endpoint list`)"


def _describe(site_file: Path) -> "SiteSummary":
    from rack_controller.sites import describe_site

    return describe_site(site_file)
