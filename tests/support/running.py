"""The API as a process of its own, as `rackwright up` starts it, on a port that the kernel chose."""

import base64
import contextlib
import json
import os
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.patience import PATIENCE

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class RunningApi:
    """Where it is, and a way to ask it."""

    state: Path
    url: str
    process: "subprocess.Popen[str]"

    @property
    def environment(self) -> dict[str, str]:
        """Return what a CLI needs to find it and log in."""
        return {
            "RACKWRIGHT_URL": self.url,
            "RACKWRIGHT_STATE": str(self.state),
            "RACKWRIGHT_USER": "admin",
            "RACKWRIGHT_PASSWORD": PASSWORD,
        }

    def health(self) -> dict[str, Any]:
        """Return what /healthz says, over verified TLS."""
        context = ssl.create_default_context(cafile=str(self.state / "tls" / "ca.pem"))
        with urllib.request.urlopen(f"{self.url}/healthz", context=context, timeout=5 * PATIENCE) as answer:
            health: dict[str, Any] = json.load(answer)
        return health

    def post(self, path: str, body: bytes) -> Any:
        """Return what an admin's POST below /api/v1 is answered with."""
        context = ssl.create_default_context(cafile=str(self.state / "tls" / "ca.pem"))
        login = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", body, headers)
        with urllib.request.urlopen(request, context=context, timeout=30 * PATIENCE) as answer:
            return json.load(answer)


@contextlib.contextmanager
def running_api(state: Path, *options: str) -> Iterator[RunningApi]:
    """Start the API, wait until it says that it serves, stop it in the end."""
    command = [sys.executable, "-m", "datacenter_api", "--state", str(state), "--listen", "127.0.0.1:0", *options]
    environment = {**os.environ, "RACKWRIGHT_ADMIN_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1"}
    with (state / "api.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    watchdog = threading.Timer(30 * PATIENCE, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the API did not start: {(state / 'api.log').read_text()}"
        watchdog.cancel()
        yield RunningApi(state, json.loads(line)["url"], process)
    finally:
        watchdog.cancel()
        process.terminate()
        try:
            process.wait(10 * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
