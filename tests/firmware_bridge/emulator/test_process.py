"""The emulator as a process: ready line, signals, a dead parent, exit codes without a traceback."""

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.https_client import fetch
from support.patience import PATIENCE

from firmware_bridge.credentials.vault import Vault
from firmware_bridge.emulator.control import EmulatorControl
from firmware_bridge.emulator.process import ensure_files

MODULE = [sys.executable, "-m", "firmware_bridge.emulator"]
TREE = {"/redfish/v1/": {"@odata.id": "/redfish/v1/"}, "/redfish/v1/Chassis": {"Members": []}}


# Untold, glibc cuts a block of a size that was freed once out of its heap, which ends at sbrk(0).
BLOCKS = """
import ctypes, sys
from firmware_bridge.emulator.process import MAPPED_FROM, map_large_blocks
libc = ctypes.CDLL(None)
for name in ("malloc", "sbrk"):
    getattr(libc, name).restype = ctypes.c_void_p
libc.malloc.argtypes, libc.free.argtypes, libc.sbrk.argtypes = [ctypes.c_size_t], [ctypes.c_void_p], [ctypes.c_long]
told = map_large_blocks()
for _ in range(3):
    libc.free(libc.malloc(2 * MAPPED_FROM))
block = libc.malloc(2 * MAPPED_FROM)
print(told, block > libc.sbrk(0))
"""


def test_large_blocks_are_mapped_by_themselves_where_the_c_library_can() -> None:
    told, mapped = subprocess.run(
        [sys.executable, "-c", BLOCKS], capture_output=True, text=True, check=True
    ).stdout.split()
    assert mapped == "True" or told == "False"


@contextmanager
def emulator(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen([*MODULE, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def test_one_line_when_ready_and_a_quick_clean_end(tmp_path: Path) -> None:
    with emulator("--state", str(tmp_path), "--speed", "0", "--racks", "gb200-nvl72") as (process, line):
        assert line == {"ready": True, "site": str(tmp_path / "site.yaml"), "endpoints": 63}
        assert EmulatorControl(tmp_path).step(5.0) == pytest.approx(5.0)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5 * PATIENCE) == 0
        assert time.monotonic() - began < 1.0
        assert not (tmp_path / "emulator.sock").exists()


async def test_a_recorded_tree_with_a_given_password(tmp_path: Path) -> None:
    tree, password = tmp_path / "tree.json", tmp_path / "password"
    tree.write_text(json.dumps(TREE))
    password.write_text("let me in\n")
    arguments = ("--state", str(tmp_path / "s"), "--capture", str(tree), "--password-file", str(password))
    with emulator(*arguments) as (_, line):
        assert line["pin"].startswith("sha256//")
        assert Vault(Path(line["vault"])).fetch(line["credential"]).secret == "let me in"
        reply = await fetch(line["url"] + "/redfish/v1/Chassis", auth=(line["user"], "let me in"))
        assert reply.body == {"Members": []}


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([*{MODULE!r}, '--state', {str(tmp_path)!r}, '--die-with-parent'],"
        " stdout=subprocess.PIPE, text=True)\n"
        "print(p.pid, p.stdout.readline().strip(), flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline().split()[0])
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5 * PATIENCE
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{child}").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--racks", "no-such-rack"], "unknown generation"),
        (["--racks", "gb200-nvl72*0"], "is no rack"),
        (["--speed", "-1"], "--speed"),
        (["--load-trace", "/nowhere.csv"], "nowhere.csv"),
        (["--faults", "/nowhere.yaml"], "nowhere.yaml"),
        (["--capture", "/nowhere.json"], "nowhere.json"),
        (["--address-block", "10.0.0"], "--address-block"),
        (["--nope"], "rackwright emulate: unrecognized arguments: --nope"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_two(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = subprocess.run([*MODULE, "--state", str(tmp_path), *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_word_that_is_no_verb_is_told_with_the_verbs() -> None:
    done = subprocess.run([*MODULE, "break"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.startswith("rackwright emulate: no verb 'break': use fault, state, ")
    assert len(done.stderr.splitlines()) == 1


def test_too_few_files_is_said() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import firmware_bridge.emulator.process as p\np.ensure_files(10_000_000)"],
        capture_output=True,
        text=True,
        timeout=30,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)),
    )
    assert "need 30000096 open files, the limit is 256" in done.stderr
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    ensure_files(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(soft, 101)


def test_an_unwritable_state_directory_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = subprocess.run([*MODULE, "--state", str(blocked / "s")], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "choose another --state" in done.stderr
