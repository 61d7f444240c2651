"""The whole product under `rackwright up` on its own state directory and ports, and small ways to look at it."""

import base64
import http.client
import json
import math
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from datacenter_api.cli.state_directory import free_port
from firmware_bridge.emulator.control import EmulatorControl
from support.patience import PATIENCE

PASSWORD = "a-password-for-stories"
READY_SECONDS = 120.0
IDLE_S = 2.0
"""A connection that was not used for so long is left: the API may be closing it while it is asked."""
ONE_RACK = "gb200-nvl72"
COMMAND = [sys.executable, "-m", "datacenter_api.cli.main"]
T = TypeVar("T")


def eventually(look: Callable[[], T | None], within: float = 20.0, every: float = 0.2) -> T:
    """Return what `look` gives as soon as it is neither None nor False; fail when that takes too long.

    `within` is for a machine with nothing else to do; a busy one is granted more.  `every` keeps a look from being the
    load that it waits out.
    """
    deadline = time.monotonic() + within * PATIENCE
    while True:
        seen = look()
        if seen is not None and seen is not False:
            return seen
        assert time.monotonic() < deadline, f"did not happen within {within * PATIENCE:g} s"
        time.sleep(every)


@dataclass
class Product:
    """A running product.  `start` waits until every rack is live."""

    state: Path
    options: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    url: str = ""
    _link: http.client.HTTPSConnection | None = None
    _used_at: float = 0.0

    @property
    def ready(self) -> Path:
        return self.state / "ready.json"

    @property
    def control(self) -> EmulatorControl:
        return EmulatorControl(self.state)

    @property
    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = json.loads(self.ready.read_text())["pids"]
        return pids

    def start(self, *, wait: bool = True) -> None:
        self._hang_up()
        self.ready.unlink(missing_ok=True)  # of a predecessor that was killed
        named = {"--racks", "--site"} & set(self.options)
        racks = [] if named else ["--racks", ONE_RACK]  # most stories need no second generation
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [*COMMAND, "up", "--state", str(self.state), "--listen", f"127.0.0.1:{self.port}", *racks, *self.options],
            env={**os.environ, "RACKWRIGHT_ADMIN_PASSWORD": PASSWORD, "COVERAGE_CORE": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if not wait:
            return
        deadline = time.monotonic() + READY_SECONDS
        while not self.ready.exists():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, f"not ready: {self._logs()}"
            time.sleep(0.05)

    def stop(self) -> str:
        """Stop as Ctrl-C does, return what it printed."""
        assert self.process is not None
        self._hang_up()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=25 * PATIENCE)[0]

    def get(self, path: str, **query: Any) -> Any:
        """GET from the API as admin; JSON where it is JSON, else text."""
        return self.ask("GET", path + ("?" + urlencode(query) if query else ""))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask on the connection that was just used, else on a new one: most stories look often."""
        if time.monotonic() - self._used_at >= IDLE_S:
            self._hang_up()
        was_open = self._link is not None
        try:
            return self._asked(method, path, body)
        except (ConnectionError, ssl.SSLError):
            if not was_open or method != "GET":  # nobody knows whether it was done
                raise
            return self._asked(method, path, body)

    def _asked(self, method: str, path: str, body: Any) -> Any:
        if self._link is None:
            context = ssl.create_default_context(cafile=str(self.state / "tls" / "ca.pem"))
            self._link = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20 * PATIENCE)
        login = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        try:
            self._link.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = self._link.getresponse()
            raw = answer.read()
            self._used_at = time.monotonic()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            raise
        assert answer.status < 400, (answer.status, raw[:500])
        kind = answer.headers.get("content-type", "")
        return json.loads(raw) if "json" in kind else raw.decode()

    def _hang_up(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None

    def cli(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `rackwright WORDS` against this product."""
        environment = {
            **os.environ,
            "RACKWRIGHT_STATE": str(self.state),
            "RACKWRIGHT_USER": "admin",
            "RACKWRIGHT_PASSWORD": PASSWORD,
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }
        done = subprocess.run(
            [*COMMAND, *words], capture_output=True, text=True, timeout=30 * PATIENCE, env=environment
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def endpoints(self) -> dict[str, dict[str, Any]]:
        """Return every asked endpoint by the end of its place, e.g. `u11/bmc`."""
        rows = self.get("/api/v1/racks/k01/endpoints")
        return {"/".join(row["place"].split("/")[4:]): row for row in rows if row["enabled"]}

    def wait_until_read_again(
        self, rack: str = "k01", since: float | None = None, besides: tuple[str, ...] = ()
    ) -> None:
        """Wait until every reading was taken again since `since` (monotonic; now, if none); say which ones were not.

        Three periods of its class are granted to each.  `besides`: parts of places that are left out.
        """
        began = time.monotonic() if since is None else since
        deadline = time.monotonic() + 60 * PATIENCE
        while late := self.late_readings(rack, time.monotonic() - began, besides):
            assert time.monotonic() < deadline, f"{len(late)} readings were not read again: {told(late)}"
            time.sleep(1)

    def wait_until_on_time(self, rack: str = "k01") -> None:
        """Wait until readings are no older than three periods of their class, and each was read again meanwhile.

        One in a hundred may be late at a look: a busy machine keeps them from ever being in time all at once.
        """
        began, deadline = time.monotonic(), time.monotonic() + 100 * PATIENCE
        most = len(self.readings(rack)) // 100
        while len(late := self.late_readings(rack)) > most:
            assert time.monotonic() < deadline, f"{len(late)} readings are late: {told(late)}"
            time.sleep(1)
        self.wait_until_read_again(rack, began)

    def late_readings(
        self, rack: str = "k01", granted: float = 0, besides: tuple[str, ...] = ()
    ) -> list[dict[str, Any]]:
        """Return the readings that are older than both `granted` and three periods of their class, or never taken."""
        periods = self.get(f"/api/v1/racks/{rack}/layout")["periods_s"]
        rows = self.readings(rack)
        assert rows
        kept = [r for r in rows if not any(part in r["place"] for part in besides)]
        return [r for r in kept if age(r) > max(3 * periods[r["reading_class"]], granted)]

    def readings(self, rack: str = "k01") -> list[dict[str, Any]]:
        """Return every reading of a rack: a costly look."""
        rows: list[dict[str, Any]] = self.get(f"/api/v1/racks/{rack}/readings", limit=20_000)
        return rows

    def _logs(self) -> str:
        return "\n".join(f"{p.name}: {p.read_text()[-600:]}" for p in sorted((self.state / "logs").glob("*.log")))


def age(row: dict[str, Any]) -> float:
    """Return a reading's age in s; infinite when it was never taken."""
    return math.inf if row["age_s"] is None else float(row["age_s"])


def told(late: list[dict[str, Any]], most: int = 12) -> str:
    """Return the oldest of some readings in words."""
    oldest = sorted(late, key=age, reverse=True)[:most]
    return "; ".join(f"{r['place']} {r['quantity']} ({r['reading_class']}) {age(r):.1f} s old" for r in oldest)


def alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False
