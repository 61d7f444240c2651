"""`up --site`: endpoints that somebody else runs are read, nothing is emulated, nothing is written until armed."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.few_trays import FEW, write
from support.patience import PATIENCE
from support.product import COMMAND, Product, eventually

from datacenter_api.cli.state_directory import free_port
from firmware_bridge.credentials.vault import Vault
from firmware_bridge.generations.site_file import read_site, write_site

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def foreign_rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A rack on the network that is not ours: returns the folder of whoever runs it."""
    folder = tmp_path_factory.mktemp("hall") / "elsewhere"
    write(folder)
    process = subprocess.Popen(
        [*COMMAND, "emulate", "--state", str(folder), "--racks", FEW, "--site-name", "tx1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["ready"] is True
    yield folder
    process.terminate()
    process.communicate(timeout=10 * PATIENCE)


def test_a_listed_rack_is_read_and_only_observed(foreign_rack: Path, own_product: Product, tmp_path: Path) -> None:
    theirs = read_site(foreign_rack / "site.yaml")
    vault, own = Vault(foreign_rack / "credentials"), Vault(own_product.state / "credentials")
    site = tmp_path / "site.yaml"
    # Their hosts' agents speak on their own bus.
    listed = [e for e in theirs.endpoints if not e.agent]
    names = {
        x.credential: x.credential.replace("emulated", "hall") for x in (*listed, *theirs.consoles) if x.credential
    }
    endpoints = tuple(replace(e, credential=names.get(e.credential or "")) for e in listed)
    consoles = tuple(replace(c, credential=names.get(c.credential or "")) for c in theirs.consoles)
    observed = tuple(replace(r, armed=False) for r in theirs.racks)
    write_site(site, replace(theirs, racks=observed, endpoints=endpoints, consoles=consoles))
    for name, ours in names.items():
        own.store(ours, vault.fetch(name))

    own_product.options = ["--site", str(site)]
    own_product.start()
    assert "emulator" not in own_product.pids
    eventually(lambda: {e["management"] for e in own_product.endpoints().values()} == {"reachable"}, within=40)
    (rack,) = own_product.get("/api/v1/racks")
    assert (rack["rack"], rack["armed"]) == ("tx1/a/r01/k01", False)
    refused = own_product.cli("tray", "locate", "u11", "on", check=False)
    assert refused.returncode == 5
    assert "only observed" in refused.stderr


def test_a_credential_that_is_not_in_the_vault_is_named(foreign_rack: Path, tmp_path: Path) -> None:
    write(tmp_path / "s")
    done = subprocess.run(
        [
            *COMMAND,
            "up",
            "--state",
            str(tmp_path / "s"),
            "--site",
            str(foreign_rack / "site.yaml"),
            "--listen",
            f"127.0.0.1:{free_port()}",
        ],
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
    )
    assert done.returncode == 2
    assert "no credential named" in done.stderr
    assert "credential set" in done.stderr
