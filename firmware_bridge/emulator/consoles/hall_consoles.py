"""All serial consoles of a hall: which there are, their doors, and one look at each per tick of the hall.

A console nobody is connected to costs a listening socket and a few hundred bytes; nothing runs for it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.consoles.keys import fingerprint, host_key, keep_secret, openssh
from firmware_bridge.emulator.consoles.script import ConsoleScript, load_script
from firmware_bridge.emulator.consoles.ssh_door import SshDoor
from firmware_bridge.emulator.consoles.terminal import Terminal
from firmware_bridge.emulator.device_files import device_folder
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import ArmedFault, FaultTable
from firmware_bridge.emulator.layout import RackPlan
from firmware_bridge.emulator.serial.lines import FOLDER
from firmware_bridge.emulator.serial.pseudo_terminal import PseudoTerminal
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.generation import ConsoleProtocol, ConsoleSpec, Generation, Slot, TrayKind
from firmware_bridge.vocabulary.place import Place, join_place, rack_name
from firmware_bridge.vocabulary.site import DEFAULT_CONSOLE_PORT, SiteConsole


@dataclass(slots=True, eq=False)
class EmulatedConsole:
    """One console: its host, where power is looked up, and the door or pseudo-terminal in front of it."""

    place: Place
    terminal: Terminal
    is_on: Callable[[], bool]
    is_away: Callable[[], bool]
    door: SshDoor | None = None
    pty: PseudoTerminal | None = None
    faults: list[ArmedFault] = field(default_factory=list)

    def say(self, data: bytes) -> None:
        """Print."""
        if not data:
            return
        if self.door is not None:
            self.door.say(data)
        elif self.pty is not None:
            self.pty.write(data)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What consoles need of their hall: where trays' controllers are, whether one is away, passwords, time."""

    address_of: Callable[[Place], str | None]
    is_away: Callable[[Place], bool]
    credentials: dict[str, Credential]  # by their names in the vault
    credential_name: Callable[[Place], str]
    now: Callable[[], float]


class HallConsoles:
    """Every console of several racks.  `start` opens them, `tick` lets them print, `stop` closes them."""

    def __init__(self, state: Path, search: tuple[Path, ...], faults: FaultTable) -> None:
        self._state, self._search, self._faults = state, search, faults
        self._scripts: dict[tuple[str, str], ConsoleScript] = {}
        self._seen_faults = -1
        self._around: Surroundings
        self.consoles: dict[Place, EmulatedConsole] = {}
        self.sites: list[SiteConsole] = []

    def start(
        self, racks: Sequence[RackPlan], designs: dict[str, Generation], benches: dict[str, Bench], around: Surroundings
    ) -> None:
        """Open every console that a generation has a script for.  Raises ConfigurationError and its children."""
        self._around = around
        secret = keep_secret(self._state / "certificates")
        rows: dict[str, int] = {}
        for rack in racks:
            row = rows[rack.generation] = rows.get(rack.generation, -1) + 1
            for slot in designs[rack.generation].slots:
                for spec in slot.tray.consoles:
                    if spec.enabled and spec.device is not None:
                        self._add(rack, row, slot, spec, benches[rack.generation], secret)

    def stop(self) -> None:
        """Close everything."""
        for console in self.consoles.values():
            if console.door is not None:
                console.door.shut()
            if console.pty is not None:
                asyncio.get_running_loop().remove_reader(console.pty.master)
                console.pty.close()
        self.consoles.clear()
        self.sites.clear()

    def tick(self) -> None:
        """Print what is due on every console that somebody listens to; shut those whose controller is away."""
        if self._seen_faults != self._faults.version:
            self._seen_faults = self._faults.version
            for console in self.consoles.values():
                console.faults = self._faults.on_console(console.place)
        now = self._around.now()
        for console in self.consoles.values():
            if console.door is not None:
                self._mind_door(console, console.door, now)
                if not console.door.sessions or not console.door.flows:
                    continue
            console.say(console.terminal.advance(now, console.is_on()))
            if console.faults:
                console.say(console.terminal.struck(console.faults, now))

    def _mind_door(self, console: EmulatedConsole, door: SshDoor, now: float) -> None:
        shut = console.is_away() or any(
            a.fault.what is FaultKind.CONSOLE_DROP and a.fault.is_on(now) for a in console.faults
        )
        if shut and door.is_open:
            door.shut()
        elif not shut and not door.is_open:
            with contextlib.suppress(EnvironmentUnfit):  # tried again with the next tick
                door.open()

    def _add(self, rack: RackPlan, row: int, slot: Slot, spec: ConsoleSpec, bench: Bench, secret: bytes) -> None:
        tray = join_place(rack.place, slot.name)
        place = join_place(tray, spec.name)
        terminal = Terminal(self._script(rack.generation, str(spec.device)), slot.name)
        terminal.settle(on=True)
        console = EmulatedConsole(place, terminal, _power(bench, row, slot), lambda: self._around.is_away(tray))
        if spec.protocol is ConsoleProtocol.SSH:
            site = self._listen(console, rack, tray, secret)
        else:
            site = self._open_pty(console, slot, spec)
        if site is not None:
            self.consoles[place] = console
            self.sites.append(site)

    def _listen(self, console: EmulatedConsole, rack: RackPlan, tray: Place, secret: bytes) -> SiteConsole | None:
        address, place = self._around.address_of(tray), console.place
        if address is None:
            return None  # its controller is not emulated: nobody could be asked
        credential = self._around.credentials[self._around.credential_name(rack.place)]

        def key() -> bytes:
            now = self._around.now()
            faults = self._faults.on_console(place)
            wrong = any(a.fault.what is FaultKind.CONSOLE_KEY and a.fault.is_on(now) for a in faults)
            return openssh(host_key(secret, place, "wrong" if wrong else ""))

        door = console.door = SshDoor(
            address,
            DEFAULT_CONSOLE_PORT,
            credential.user,
            credential.secret,
            key,
            lambda data: self._type(console, data),
            lambda: console.say(console.terminal.broken()),
        )
        door.open()
        return SiteConsole(
            place,
            address,
            door.port,
            host_key=fingerprint(host_key(secret, place)),
            credential=self._around.credential_name(rack.place),
        )

    def _open_pty(self, console: EmulatedConsole, slot: Slot, spec: ConsoleSpec) -> SiteConsole:
        folder = self._state / FOLDER
        try:
            folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as err:
            raise EnvironmentUnfit(f"cannot make {folder}: {err.strerror}", advice="choose another --state") from err
        pty = console.pty = PseudoTerminal.open(folder / f"{rack_name(console.place)}-{slot.name}-{spec.name}")
        asyncio.get_running_loop().add_reader(pty.master, lambda: self._type(console, pty.read()))
        return SiteConsole(console.place, tty=str(pty.link))

    def _type(self, console: EmulatedConsole, data: bytes) -> None:
        now = self._around.now()
        console.say(console.terminal.advance(now, console.is_on()))
        console.say(console.terminal.typed(data, now))

    def _script(self, generation: str, device: str) -> ConsoleScript:
        key = (generation, device)
        if key not in self._scripts:
            self._scripts[key] = load_script(device_folder(*key, self._search) / f"{device}.yaml")
        return self._scripts[key]


def _power(bench: Bench, row: int, slot: Slot) -> Callable[[], bool]:
    if slot.tray.kind is TrayKind.COMPUTE:
        return lambda: bool(bench.state.conditions.tray_on[row, slot.index])
    if slot.tray.kind is TrayKind.SWITCH:
        return lambda: bool(bench.state.conditions.switch_on[row, slot.index])
    return lambda: True


def files_needed(designs: Sequence[Generation]) -> int:
    """Return how many open files the consoles of these racks need: a listener and a session, or both sides of a pty."""
    return 2 * sum(c.enabled and c.device is not None for d in designs for s in d.slots for c in s.tray.consoles)
