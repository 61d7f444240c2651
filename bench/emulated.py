"""An emulator as a child process, for benchmarks: many racks, their site and passwords, and what it weighs."""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.drivers.redfish.link import RedfishLink
from firmware_bridge.emulator.control import EmulatorControl
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.vocabulary.site import Site, SiteEndpoint

PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Emulated:
    """A running emulator: its site, the passwords, its control channel and its process id."""

    site: Site
    credentials: dict[str, Credential]
    control: EmulatorControl
    pid: int

    def rss_mib(self) -> float:
        """Return its resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE_KIB / 1024

    def link(self, endpoint: SiteEndpoint, limits: RequestLimits | None = None) -> RedfishLink:
        """Return a link to an endpoint, ready to log in."""
        assert endpoint.address is not None
        assert endpoint.port is not None
        assert endpoint.pin is not None
        who = self.credentials[endpoint.credential or ""]
        return RedfishLink(endpoint.place, endpoint.address, endpoint.port, endpoint.pin, limits, who)


@contextlib.contextmanager
def emulated(racks: str, speed: float = 0.0) -> Iterator[Emulated]:
    """Run the emulator until the block ends; time stands still in it unless `speed` says else."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65_536), hard))
    with tempfile.TemporaryDirectory(prefix="rackwright-bench-") as folder:
        argv = [sys.executable, "-m", "firmware_bridge.emulator", "--state", folder, "--racks", racks]
        argv += ["--speed", str(speed), "--die-with-parent"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                told = json.loads(process.stdout.readline())
                site, vault = read_site(Path(told["site"])), Vault(Path(folder) / "credentials")
                credentials = {name: vault.fetch(name) for name in vault.names()}
                yield Emulated(site, credentials, EmulatorControl(Path(folder)), process.pid)
            finally:
                process.terminate()
