"""Bad input: one line that says what and what to do, the contract's exit code, no traceback."""

import os
import re
import resource
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from support.patience import PATIENCE
from support.product import COMMAND

from datacenter_api.auth.accounts import Accounts
from datacenter_api.auth.passwords import Verifier
from datacenter_api.auth.store import Store
from datacenter_api.cli.state_directory import free_port

pytestmark = pytest.mark.timeout(300)


def run(*words: str, within: float = 40, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    def fewer_files() -> None:
        assert limit is not None
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    return subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        text=True,
        timeout=within * PATIENCE,
        env={**os.environ, "NO_COLOR": "1"},
        preexec_fn=fewer_files if limit else None,
    )


def one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    said = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.returncode == code, done.stderr
    assert len(said) == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    for word in words:
        assert word in said[0], said[0]


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        one_line(run("up", "--state", str(tmp_path / "s"), "--listen", listen), 2, "port in use", "--listen")


def test_an_unwritable_state_directory() -> None:
    one_line(run("up", "--state", "/proc/nowhere"), 2, "/proc/nowhere", "--state")


def test_a_full_disk(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("cannot mount a small disk here")
    try:
        one_line(run("up", "--state", str(disk / "s")), 2, "free", "--state")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_unknown_generation(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    done = run("up", "--state", str(tmp_path / "s"), "--racks", "gb999", "--listen", listen)
    one_line(done, 2, "gb999", "gb200-nvl72")
    assert "stopping" not in done.stdout, "nobody asked it to stop"


async def test_the_first_password_is_said_at_once_and_good_after_a_start_that_failed(tmp_path: Path) -> None:
    state, faults = tmp_path / "s", tmp_path / "faults.yaml"
    faults.write_text("kind: nothing that the emulator knows\n")
    words = ("up", "--state", str(state), "--faults", str(faults), "--listen", f"127.0.0.1:{free_port()}")
    first, second = run(*words), run(*words)
    assert (first.returncode, second.returncode) == (2, 2)
    told = re.search(r"^login    admin / (\S+)", first.stdout, re.M)
    assert told is not None, first.stdout
    assert "login" not in second.stdout
    with closing(Store(state)) as store:
        stored = Accounts(store).password_hash("admin")
    assert await Verifier().verify(stored, "admin", told[1])


def test_too_few_file_descriptors(tmp_path: Path) -> None:
    done = run("up", "--state", str(tmp_path / "s"), "--racks", "gb200-nvl72*10", limit=256)
    one_line(done, 2, "open files", "ulimit")


def test_a_bad_site_file(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("kind: site\nschema_version: 1\nsite: lab1\nracks: 3\nendpoints: []\n")
    one_line(run("up", "--state", str(tmp_path / "s"), "--site", str(site)), 2, f"{site}:4", "racks")


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:70000", "127.0.0.1:"])
@pytest.mark.parametrize("verb", ["up", "serve"])
def test_a_wrong_listen_address(tmp_path: Path, verb: str, listen: str) -> None:
    one_line(run(verb, "--state", str(tmp_path / "s"), "--listen", listen), 2, "HOST:PORT", listen)


def test_an_absent_site_file_is_named_once(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    done = run("up", "--state", str(tmp_path / "s"), "--site", "/nonexistent.yaml", "--listen", listen)
    one_line(done, 2, "No such file")
    assert done.stderr.count("/nonexistent.yaml") == 1


def test_a_ready_file_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path) -> None:
    done = run("up", "--state", str(tmp_path / "s"), "--ready-file", "/proc/nowhere/ready.json", within=10)
    one_line(done, 2, "/proc/nowhere/ready.json", "--ready-file")
    assert not (tmp_path / "s").exists()


def test_no_server_at_all(tmp_path: Path) -> None:
    environment = {**os.environ, "RACKWRIGHT_STATE": str(tmp_path), "NO_COLOR": "1"}
    done = subprocess.run([*COMMAND, "status"], capture_output=True, text=True, timeout=30 * PATIENCE, env=environment)
    assert done.returncode != 0
    assert "rackwright up" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
