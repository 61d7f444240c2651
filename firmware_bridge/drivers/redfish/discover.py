"""Who answers as a Redfish service at these addresses?  At most two requests each, without a login; judges no trust.

Bounded in parallel and in rate: a management network is slow, and its devices are fragile.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from firmware_bridge.drivers.redfish.contact import Ask, Door, ask_once
from firmware_bridge.drivers.redfish.one_call import Reply
from firmware_bridge.drivers.redfish.trust import Leaf
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document, DocumentFault, parse

# With the slash first: the bare spelling may answer with a redirect (DSP0266 §6.4), and those are not followed.
_SPELLINGS = ("/redfish/v1/", "/redfish/v1")
_MOST_ROOT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard a network is searched: connections at once and begun per second; seconds for a connection, in all."""

    at_once: int = 64
    per_second: float = 250.0
    connect_s: float = 2.0
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """A Redfish service as it shows itself to a stranger.  Texts are the device's own, scrubbed; empty: not said."""

    address: str
    port: int
    leaf: Leaf
    vendor: str = ""
    product: str = ""
    version: str = ""
    uuid: str = ""
    requests: int = 1


@dataclass(frozen=True, slots=True)
class NotOne:
    """An address where no Redfish service was found, and why; `silent`: nothing listens there at all."""

    address: str
    port: int
    why: str
    silent: bool


async def find_services(
    targets: Iterable[tuple[str, int]], pace: Pace | None = None, told: Callable[[int], None] = lambda _: None
) -> list[Service | NotOne]:
    """Ask every (address, port) and return what was found, in the order of `targets`.

    `told` hears how many have been asked, now and then.  Raises nothing: what goes wrong is the answer of one address.
    """
    pace = pace or Pace()
    waiting = iter(enumerate(wanted := list(targets)))
    found: dict[int, Service | NotOne] = {}
    loop = asyncio.get_running_loop()
    begun, next_at = 0, loop.time()

    async def lane() -> None:
        nonlocal begun, next_at
        for n, (address, port) in waiting:
            next_at = max(next_at + 1.0 / pace.per_second, loop.time())
            await asyncio.sleep(max(0.0, next_at - loop.time()))
            found[n] = await look_at(address, port, pace)
            begun += 1
            told(begun)

    await asyncio.gather(*(lane() for _ in range(min(pace.at_once, len(wanted)))))
    return [found[n] for n in sorted(found)]


async def look_at(address: str, port: int, pace: Pace) -> Service | NotOne:
    """Ask one address for its service root, in the second spelling when the first is refused."""
    door = Door(f"{address}:{port}", address, port, pace.timeout_s, pace.connect_s, _MOST_ROOT_BYTES)
    said = ""
    for count, uri in enumerate(_SPELLINGS, 1):
        try:
            leaf, reply = await ask_once(door, Ask(uri))
        except DeviceError as err:
            return NotOne(address, port, scrub(err.detail, 160), silent=err.detail.startswith("no connection"))
        root, said = _root_of(reply)
        if root is not None:
            return _service(address, port, leaf, root, count)
    return NotOne(address, port, said, silent=False)


def _root_of(reply: Reply) -> tuple[Document | None, str]:
    if reply.status != 200:
        return None, f"answers HTTPS, but {reply.status} at the service root"
    try:
        root = parse(reply.body, _MOST_ROOT_BYTES)
    except DocumentFault:
        return None, "answers HTTPS, but not with JSON: no Redfish service"
    kind = root.get("@odata.type")
    if "RedfishVersion" in root or (isinstance(kind, str) and "ServiceRoot" in kind):
        return root, ""
    return None, "answers HTTPS and JSON, but shows no service root"


def _service(address: str, port: int, leaf: Leaf, root: Document, requests: int) -> Service:
    def text(name: str) -> str:
        value = root.get(name)
        return scrub(value, 128) if isinstance(value, str) else ""

    return Service(
        address, port, leaf, text("Vendor"), text("Product"), text("RedfishVersion"), text("UUID").lower(), requests
    )
