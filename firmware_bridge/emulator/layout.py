"""Which racks are emulated, what they are called and at which loopback addresses their endpoints answer."""

import hashlib
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit
from firmware_bridge.vocabulary.generation import EndpointSpec, Generation, Slot
from firmware_bridge.vocabulary.place import Place, join_place, parse_place

DEFAULT_PORT = 8443
MOST_RACKS = 200
FIRST_HOST = 10
MOST_ENDPOINTS = 240
_SPEC = re.compile(r"([a-z0-9][a-z0-9_.-]*)(?:\*([1-9]\d{0,2}))?")
_BLOCK = re.compile(r"127\.(\d{1,3})\.(\d{1,3})(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class RackPlan:
    """One rack to emulate.  `domains`: names of its generation's domains that it shares with other racks."""

    place: Place
    generation: str
    domains: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """One endpoint to emulate: `rack` counts over all racks, `row` over the racks of its generation."""

    place: Place
    rack: int
    row: int
    slot: Slot
    spec: EndpointSpec
    address: str


@dataclass(frozen=True, slots=True)
class SerialPlan:
    """One serial endpoint to emulate; numbers as in EndpointPlan."""

    place: Place
    rack: int
    row: int
    slot: Slot
    spec: EndpointSpec


@dataclass(frozen=True, slots=True)
class Block:
    """The first two free numbers of the addresses `127.a.b+rack.n`, and the port of all endpoints."""

    a: int
    b: int
    port: int

    def address(self, rack: int, number: int) -> str:
        """Return the address of the n-th endpoint of a rack."""
        return f"127.{self.a}.{self.b + rack}.{FIRST_HOST + number}"


def parse_racks(text: str, site: str, design: Callable[[str], Generation] | None = None) -> list[RackPlan]:
    """Read `gb200-nvl72`, `gb200-nvl72*10` or a comma-separated list; racks are named k01, k02, ….

    With `design`, which finds a generation by name or alias, a name stands for as many racks as its widest domain
    spans, and they share that domain.  Raises ConfigurationError for a spec or a site name that is none.
    """
    plans: list[RackPlan] = []
    for part in text.split(","):
        match = _SPEC.fullmatch(part.strip())
        if match is None:
            raise ConfigurationError(
                f"--racks: {part!r} is no rack", advice="write NAME or NAME*COUNT, comma-separated"
            )
        generation = design(match[1]) if design is not None else None
        for _ in range(int(match[2] or 1)):
            plans += _system(site, len(plans) + 1, match[1], generation)
    if len(plans) > MOST_RACKS:
        raise ConfigurationError(f"--racks: {len(plans)} racks", advice=f"at most {MOST_RACKS} fit one process")
    return plans


def endpoints_of(plans: list[RackPlan], generations: dict[str, Generation], block: Block) -> list[EndpointPlan]:
    """Return every endpoint that has an emulated device, rack by rack, bottom up."""
    endpoints: list[EndpointPlan] = []
    numbers: dict[int, int] = {}
    for serial in _emulated(plans, generations):
        if serial.spec.line is not None:
            continue
        rack = serial.rack
        number = numbers[rack] = numbers.get(rack, -1) + 1
        if number >= MOST_ENDPOINTS:
            raise ConfigurationError(
                f"{plans[rack].generation} has more than {MOST_ENDPOINTS} endpoints", advice="disable some"
            )
        address = block.address(rack, number)
        endpoints.append(EndpointPlan(serial.place, rack, serial.row, serial.slot, serial.spec, address))
    return endpoints


def serial_endpoints_of(plans: list[RackPlan], generations: dict[str, Generation]) -> list[SerialPlan]:
    """Return every endpoint on a serial line that has an emulated device, rack by rack, bottom up."""
    return [p for p in _emulated(plans, generations) if p.spec.line is not None]


def _emulated(plans: list[RackPlan], generations: dict[str, Generation]) -> Iterator[SerialPlan]:
    rows: dict[str, int] = {}
    for rack, plan in enumerate(plans):
        row = rows[plan.generation] = rows.get(plan.generation, -1) + 1
        for slot in generations[plan.generation].slots:
            for spec in slot.tray.endpoints:
                if spec.enabled and spec.device is not None:
                    yield SerialPlan(join_place(plan.place, slot.name, spec.name), rack, row, slot, spec)


def choose_blocks(state: Path, asked: str, racks: int) -> list[Block]:
    """Return address blocks to try, best first.

    A state directory keeps its block, so that pins and addresses stay valid; a new one starts at a place that depends
    on its path, so that parallel runs do not meet.  Raises ConfigurationError for a block that is none.
    """
    kept = _kept_block(state)
    if asked != "auto":
        return [_parse_block(asked, racks)]
    if kept is not None:
        return [kept]
    seed = hashlib.sha256(os.fsencode(state.resolve())).digest()
    first_b = seed[1] % max(1, 255 - racks)
    return [Block(1 + (seed[0] + n) % 253, first_b, DEFAULT_PORT) for n in range(16)]


def keep_block(state: Path, block: Block) -> None:
    """Remember the block of a state directory.  Raises EnvironmentUnfit when it cannot be written."""
    path = state / "emulator.json"
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(json.dumps({"schema": 1, "a": block.a, "b": block.b, "port": block.port}) + "\n")
        fresh.replace(path)
    except OSError as err:
        raise EnvironmentUnfit(f"cannot write {path}: {err.strerror}", advice="free space or fix permissions") from err


def is_free(block: Block, racks: int) -> bool:
    """Tell whether the first endpoint of every rack could listen."""
    for rack in range(racks):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((block.address(rack, 0), block.port))
            except OSError:
                return False
    return True


def _kept_block(state: Path) -> Block | None:
    try:
        kept = json.loads((state / "emulator.json").read_text())
        return Block(int(kept["a"]), int(kept["b"]), int(kept["port"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise EnvironmentUnfit(
            f"cannot read {state / 'emulator.json'}: {err}", advice="remove it; addresses may then change"
        ) from err


def _parse_block(text: str, racks: int) -> Block:
    match = _BLOCK.fullmatch(text)
    block = Block(int(match[1]), int(match[2]), int(match[3] or DEFAULT_PORT)) if match else None
    if block is None or block.a > 255 or block.b + racks > 256 or not 1024 <= block.port <= 65535:
        raise ConfigurationError(
            f"--address-block: {text!r} does not hold {racks} racks", advice="write 127.A.B or 127.A.B:PORT, or auto"
        )
    return block


def _system(site: str, first: int, name: str, generation: Generation | None) -> list[RackPlan]:
    """Return the racks that one name stands for: those that a domain spans together."""
    if generation is None:
        return [RackPlan(_rack_place(site, first), name)]
    shared = {d.name: f"k{first:02d}.{d.name}" for d in generation.domains if d.racks > 1}
    count = generation.racks_together
    return [RackPlan(_rack_place(site, first + n), generation.name, dict(shared)) for n in range(count)]


def _rack_place(site: str, number: int) -> Place:
    try:
        return parse_place(f"{site}/a/r01/k{number:02d}")
    except ValueError as err:
        raise ConfigurationError(f"--site-name: {err}", advice="use lower-case letters, digits and '-'") from err
