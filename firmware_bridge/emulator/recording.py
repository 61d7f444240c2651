"""One recorded tree on one HTTPS listener, as a process: what `--capture TREE.json` does."""

import asyncio
import secrets
from pathlib import Path

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.emulator.accounts import SoleAccount
from firmware_bridge.emulator.certificates import keep_identity, server_context
from firmware_bridge.emulator.door import Doorway, port_of
from firmware_bridge.emulator.faults import Fault, FaultTable
from firmware_bridge.emulator.faulty_door import FaultyDoor
from firmware_bridge.emulator.recorded import RecordedTree, read_tree
from firmware_bridge.redfish_service.service import RedfishService
from firmware_bridge.vocabulary.errors import ConfigurationError

USER = "root"
CREDENTIAL = "emulated/capture"
PLACE = "capture/a/r01/k01/u01/bmc"


class Recording:
    """A recorded tree that answers; `announcement` says where, once `start` has returned."""

    def __init__(
        self, tree: Path, state: Path, listen: str, password_file: Path | None, faults: tuple[Fault, ...]
    ) -> None:
        self._tree, self._state, self._password_file = tree, state, password_file
        self._host, _, port = listen.rpartition(":")
        if not self._host.startswith("127.") or not port.isdigit() or int(port) > 65535:
            raise ConfigurationError(f"--listen: {listen!r}", advice="write 127.0.0.1:PORT; the emulator stays local")
        self._port = int(port)
        self._faults = FaultTable(faults)
        self._doorway = Doorway.make()
        self._server: asyncio.Server | None = None
        self.announcement: dict[str, object] = {}

    async def start(self) -> None:
        """Listen.  Raises ConfigurationError and its children."""
        tree = read_tree(self._tree)
        password = self._password()
        folder = self._state / "certificates"
        identity = keep_identity(folder, self._host)
        kind = self._faults.certificate_kind(PLACE)
        service = RedfishService(RecordedTree(tree), SoleAccount(USER, password), owns_sessions=False)
        loop = asyncio.get_running_loop()
        started = loop.time()
        door = FaultyDoor(service, PLACE, self._faults, lambda: loop.time() - started)
        shown = keep_identity(folder, self._host, kind) if kind else identity
        self._server = await self._doorway.listen(door, self._host, self._port, server_context(shown))
        self.announcement = {
            "ready": True,
            "url": f"https://{self._host}:{port_of(self._server)}",
            "pin": identity.pin,
            "user": USER,
            "credential": CREDENTIAL,
            "vault": str(self._state / "credentials"),
            "endpoints": 1,
        }

    async def stop(self) -> None:
        """Close listener and connections."""
        if self._server is not None:
            self._server.close()
        await self._doorway.close()

    def _password(self) -> str:
        vault = Vault(self._state / "credentials")
        if self._password_file is not None:
            try:
                password = self._password_file.read_text().strip()
            except (OSError, UnicodeDecodeError) as err:
                raise ConfigurationError(
                    f"cannot read {self._password_file}: {err}", advice="name a file with the password"
                ) from err
            vault.store(CREDENTIAL, Credential(USER, password))
        elif CREDENTIAL not in vault.names():
            vault.store(CREDENTIAL, Credential(USER, secrets.token_urlsafe(12)))
        return vault.fetch(CREDENTIAL).secret
