"""Which racks are emulated, what they are called and at which loopback addresses their endpoints answer."""

import hashlib
import json
import os
import re
import socket
from dataclasses import dataclass
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
    """One rack to emulate."""

    place: Place
    generation: str


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
class Block:
    """The first two free numbers of the addresses `127.a.b+rack.n`, and the port of all endpoints."""

    a: int
    b: int
    port: int

    def address(self, rack: int, number: int) -> str:
        """Return the address of the n-th endpoint of a rack."""
        return f"127.{self.a}.{self.b + rack}.{FIRST_HOST + number}"


def parse_racks(text: str, site: str) -> list[RackPlan]:
    """Read `gb200-nvl72`, `gb200-nvl72*10` or a comma-separated list; racks are named k01, k02, ….

    Raises ConfigurationError for a spec or a site name that is none.
    """
    plans: list[RackPlan] = []
    for part in text.split(","):
        match = _SPEC.fullmatch(part.strip())
        if match is None:
            raise ConfigurationError(
                f"--racks: {part!r} is no rack", advice="write NAME or NAME*COUNT, comma-separated"
            )
        for _ in range(int(match[2] or 1)):
            plans.append(RackPlan(_rack_place(site, len(plans) + 1), match[1]))
    if len(plans) > MOST_RACKS:
        raise ConfigurationError(f"--racks: {len(plans)} racks", advice=f"at most {MOST_RACKS} fit one process")
    return plans


def endpoints_of(plans: list[RackPlan], generations: dict[str, Generation], block: Block) -> list[EndpointPlan]:
    """Return every endpoint that has an emulated device, rack by rack, bottom up."""
    rows: dict[str, int] = {}
    endpoints: list[EndpointPlan] = []
    for rack, plan in enumerate(plans):
        row = rows[plan.generation] = rows.get(plan.generation, -1) + 1
        number = 0
        for slot in generations[plan.generation].slots:
            for spec in slot.tray.endpoints:
                if not spec.enabled or spec.device is None:
                    continue
                if number >= MOST_ENDPOINTS:
                    raise ConfigurationError(
                        f"{plan.generation} has more than {MOST_ENDPOINTS} endpoints", advice="disable some"
                    )
                place = join_place(plan.place, slot.name, spec.name)
                endpoints.append(EndpointPlan(place, rack, row, slot, spec, block.address(rack, number)))
                number += 1
    return endpoints


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


def _rack_place(site: str, number: int) -> Place:
    try:
        return parse_place(f"{site}/a/r01/k{number:02d}")
    except ValueError as err:
        raise ConfigurationError(f"--site-name: {err}", advice="use lower-case letters, digits and '-'") from err
