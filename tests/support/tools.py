"""Other makers' programs run against our service: their exit status and what they say, held against what is due."""

import os
import re
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from support.api import PASSWORD
from support.validators import PEERS
from support.whole_rack import WholeRack

SYSTEM = "/redfish/v1/Systems/k01-u11"
READ = (
    SYSTEM,
    "/redfish/v1/PowerEquipment/PowerShelves/k01-u06",
    "/redfish/v1/ThermalEquipment/CDUs/k01-u01",
    "/redfish/v1/ThermalEquipment/CDUs/k01-u01/Pumps/pump0",
)
"""A resource of each kind of tray that stands here."""


def needs(program: str) -> Path:
    """Return where a program of the peers' environment is; without it the test is skipped."""
    path = PEERS / program
    if not path.exists():
        pytest.skip("needs .venv-peers: run `make conformance`")
    return path


def eventually(look: Callable[[], bool], within: float = 60.0, every: float = 0.25) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + within
    while not look():
        assert time.monotonic() < deadline
        time.sleep(every)


@dataclass
class Score:
    """What a client was asked to do, and what of it went wrong."""

    client: str
    passed: int = 0
    failures: list[str] = field(default_factory=list)

    def note(self, what: str, good: bool, said: str) -> None:
        """Count one thing that was tried."""
        self.passed += good
        if not good:
            self.failures.append(f"{what}: {said[-400:]}")

    def settle(self) -> None:
        """Print the figure; every failure is the test's."""
        print(f"conformance/{self.client}_fail {len(self.failures)} ({self.passed} passed)")
        assert self.failures == []


@dataclass
class Ours:
    """Our service as a client's user sees it: address, certificate to trust, a look at a resource."""

    whole: WholeRack
    home: Path

    def get(self, uri: str) -> dict[str, object]:
        """Return a resource, empty where there is none."""
        trusted = ssl.create_default_context(cafile=str(self.whole.trusted))
        answer = httpx.get(self.whole.url + uri, auth=("admin", PASSWORD), verify=trusted, timeout=30)
        found: dict[str, object] = answer.json() if answer.status_code == 200 else {}
        return found

    def is_(self, state: str) -> bool:
        """Tell whether the tray's host is On or Off."""
        return self.get(SYSTEM).get("PowerState") == state

    def taken_stock(self) -> None:
        """Wait until the tray's report is in, which the first look begins, and every tray that stands here is read."""
        eventually(lambda: "Memory" in self.get(SYSTEM), within=120, every=1.0)
        self.seen()

    def seen(self) -> None:
        """Wait until what clients look at is read now: a busy machine may have missed one just then."""
        eventually(lambda: all(self._stands(uri) for uri in READ), within=120, every=1.0)

    def _stands(self, uri: str) -> bool:
        status = self.get(uri).get("Status")
        return isinstance(status, dict) and status.get("State") == "Enabled"

    def run(self, words: Sequence[str], more: Mapping[str, str] | None = None, limit: float = 120) -> tuple[int, str]:
        """Run a program that trusts our authority only and return its exit status and everything that it said."""
        trusted = str(self.whole.trusted)
        told = {"HOME": str(self.home), "SSL_CERT_FILE": trusted, "REQUESTS_CA_BUNDLE": trusted, "COLUMNS": "160"}
        done = subprocess.run(
            list(words), capture_output=True, text=True, timeout=limit, env={**os.environ, **told, **(more or {})}
        )
        return done.returncode, done.stdout + done.stderr


def says(pattern: str, said: str) -> bool:
    """Tell whether what a program said has a line like this."""
    return re.search(pattern, said, re.MULTILINE) is not None
