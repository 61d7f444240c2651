"""The serial lines of all racks: their units from generation and device files, their ptys, their thread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.device_files import device_folder
from firmware_bridge.emulator.faults import FaultTable
from firmware_bridge.emulator.layout import RackPlan, SerialPlan
from firmware_bridge.emulator.serial.device_file import load_images
from firmware_bridge.emulator.serial.image import Seat, UnitImage
from firmware_bridge.emulator.serial.line import Line
from firmware_bridge.emulator.serial.pacer import Pacer, Port
from firmware_bridge.emulator.serial.pseudo_terminal import PseudoTerminal
from firmware_bridge.emulator.serial.slave import Slave
from firmware_bridge.generations.register_maps import register_folders
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit
from firmware_bridge.vocabulary.generation import Generation, Unit
from firmware_bridge.vocabulary.place import Place, join_place, rack_name, tray_of
from firmware_bridge.vocabulary.site import SiteEndpoint

FOLDER = "tty"
_DIGITS = "0123456789"
Images = dict[tuple[str, str], dict[str, UnitImage]]


@dataclass
class SerialLines:
    """Lines of several racks.  `start` opens their ptys below `state`, `stop` closes them."""

    state: Path
    search: tuple[Path, ...] = ()
    ports: dict[Place, Port] = field(default_factory=dict)
    endpoints: list[SiteEndpoint] = field(default_factory=list)
    _images: Images = field(default_factory=dict)
    _pacer: Pacer | None = None

    def start(
        self,
        racks: Sequence[RackPlan],
        plans: Sequence[SerialPlan],
        benches: dict[str, Bench],
        faults: FaultTable,
        time: Callable[[], float],
    ) -> None:
        """Open every line that a plan names and answer on it.  Raises ConfigurationError and its children."""
        if not plans:
            return
        folder = self.state / FOLDER
        try:
            folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as err:
            raise EnvironmentUnfit(f"cannot make {folder}: {err.strerror}", advice="choose another --state") from err
        slaves: dict[Place, dict[int, Slave]] = {}
        for plan in plans:
            rack = racks[plan.rack]
            bench = benches[rack.generation]
            place = line_place(rack.place, str(plan.spec.line))
            slaves.setdefault(place, {}).update(slaves_of(plan, bench, self.search, self._images))
            self.endpoints.append(SiteEndpoint(place=plan.place, tty=str(tty_path(folder, place))))
            if place not in self.ports:
                settings = bench.generation.line(str(plan.spec.line)).settings
                line = Line(place, settings, slaves[place], faults, time)
                self.ports[place] = Port(line, PseudoTerminal.open(tty_path(folder, place)))
        self._pacer = Pacer(list(self.ports.values()))
        self._pacer.start()

    def stop(self) -> None:
        """Stop answering and close every pty."""
        if self._pacer is not None:
            self._pacer.stop()
            self._pacer = None
        for port in self.ports.values():
            port.terminal.close()
        self.ports.clear()
        self.endpoints.clear()


def slaves_of(
    plan: SerialPlan, bench: Bench, search: tuple[Path, ...] = (), images: Images | None = None
) -> dict[int, Slave]:
    """Return a tray's units by address.  `images` keeps device files that were read.

    Raises ConfigurationError and its children for a device file that does not fit the units.
    """
    units = plan.spec.units_of(plan.slot.index)
    if not units:
        raise ConfigurationError(
            f"{plan.place}: no address for the tray with index {plan.slot.index}",
            advice="give `units[].addresses` an entry per tray",
        )
    parts = _images_of(plan, bench.generation, search, {} if images is None else images)
    found: dict[int, Slave] = {}
    for unit in units:
        image = parts.get(unit.part) or parts.get(unit.part.rstrip(_DIGITS))
        if image is None or image.register_map.name not in unit.maps:
            raise ConfigurationError(
                f"{plan.spec.device}: no part {unit.part!r} with a map out of {', '.join(unit.maps)}",
                advice="add it to the device file",
            )
        found[unit.address] = Slave(image, _seat(plan, bench, unit))
    return found


def _images_of(
    plan: SerialPlan, generation: Generation, search: tuple[Path, ...], images: Images
) -> dict[str, UnitImage]:
    device = str(plan.spec.device)
    key = (generation.name, device)
    if key not in images:
        path = device_folder(generation.name, device, search) / f"{device}.yaml"
        images[key] = load_images(path, plan.slot.tray.kind, register_folders(generation.name, search))
    return images[key]


def line_place(rack: Place, line: str) -> Place:
    """Return the place that faults name a line by: `…/k02/lines/power`."""
    return join_place(rack, "lines", line)


def tty_path(folder: Path, line: Place) -> Path:
    """Return the stable name of a line's pty: `tty/k02-power`."""
    return folder / f"{rack_name(line)}-{line.rpartition('/')[2]}"


def _seat(plan: SerialPlan, bench: Bench, unit: Unit) -> Seat:
    number = unit.part[len(unit.part.rstrip(_DIGITS)) :]
    place = join_place(tray_of(plan.place), unit.part) if unit.part else plan.place
    return Seat(bench, plan.row, plan.slot.index, int(number or 0), unit.address, place)
