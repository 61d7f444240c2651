"""A real SSH server on loopback with one console behind it, and what was typed into it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.console.ssh import SshConsole
from firmware_bridge.emulator.consoles.keys import fingerprint, openssh
from firmware_bridge.emulator.consoles.ssh_door import SshDoor
from firmware_bridge.vocabulary.place import Place
from support.patience import PATIENCE

PLACE = Place("lab1/a/r01/k01/u12/console")
LOGIN = Credential("root", "a-secret")


@dataclass
class SshBench:
    """The server's side: `say` prints, `typed` and `breaks` are what came."""

    door: SshDoor
    key: Ed25519PrivateKey
    typed: bytearray = field(default_factory=bytearray)
    breaks: int = 0

    def say(self, data: bytes) -> None:
        self.door.say(data)

    def console(
        self,
        *,
        host_key: str | None = None,
        credential: Credential | Callable[[], Credential] = LOGIN,
        place: Place = PLACE,
    ) -> SshConsole:
        pinned = host_key or fingerprint(self.key)
        return SshConsole(place, self.door.address, self.door.port, pinned, credential)

    async def listened_to(self, sessions: int = 1) -> None:
        await until(lambda: len(self.door.sessions) >= sessions)

    def new_key(self) -> None:
        self.key = Ed25519PrivateKey.generate()


async def until(true: Callable[[], bool], within: float = 20.0) -> None:
    deadline = time.monotonic() + within * PATIENCE
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.005)


@contextmanager
def ssh_bench(port: int = 0) -> Iterator[SshBench]:
    """Serve one console on 127.0.0.1 in the running loop."""
    bench: SshBench

    def typed(data: bytes) -> None:
        bench.typed += data

    def broken() -> None:
        bench.breaks += 1

    door = SshDoor("127.0.0.1", port, LOGIN.user, LOGIN.secret, lambda: openssh(bench.key), typed, broken)
    bench = SshBench(door, Ed25519PrivateKey.generate())
    door.open()
    try:
        yield bench
    finally:
        door.shut()
