"""Serial consoles on a running rack: heard from the start, typed into from a pipe and a terminal, lost and found."""

import os
import pty
import subprocess
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from support.few_trays import COMPUTE, SWITCH
from support.patience import PATIENCE
from support.product import COMMAND, PASSWORD, Product, eventually

XID = "NVRM: Xid (PCI:0018:01:00): 79, GPU has fallen off the bus."
pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("consoles")]


def environment(product: Product) -> dict[str, str]:
    return {
        **os.environ,
        "RACKWRIGHT_STATE": str(product.state),
        "RACKWRIGHT_USER": "admin",
        "RACKWRIGHT_PASSWORD": PASSWORD,
    }


def consoles(product: Product) -> dict[str, dict[str, Any]]:
    return {"/".join(c["place"].split("/")[4:]): c for c in product.get("/api/v1/consoles")}


def events(product: Product, kind: str) -> list[dict[str, Any]]:
    return [e for e in product.get("/api/v1/events", limit=1000) if e["kind"] == kind]


class Person:
    """Somebody at a terminal."""

    def __init__(self, product: Product, *words: str) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(
            [*COMMAND, "console", *words],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=environment(product),
        )
        os.set_blocking(self.master, False)

    def sees(self, text: bytes, within: float = 40.0) -> None:
        deadline = time.monotonic() + within * PATIENCE
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen[-2000:]
            try:
                self.seen += os.read(self.master, 65536)
            except BlockingIOError:
                time.sleep(0.02)

    def types(self, text: bytes) -> None:
        os.write(self.master, text)

    def leaves(self) -> None:
        self.types(b"\r~.")
        deadline = time.monotonic() + 20 * PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen[-500:]
            try:
                self.seen += os.read(self.master, 65536)
            except BlockingIOError:
                time.sleep(0.02)
        assert self.process.returncode == 0, self.seen[-500:]
        assert termios.tcgetattr(self.slave) == self.before
        os.close(self.master)
        os.close(self.slave)


def test_every_console_is_heard_and_logged_while_nobody_watches(product: Product) -> None:
    eventually(lambda: all(c["state"] == "connected" for c in consoles(product).values()), within=60)
    assert len(consoles(product)) == COMPUTE + SWITCH
    eventually(lambda: product.endpoints()["u14/host"]["management"] == "reachable", within=30)
    product.control.add_faults([{"what": "console_line", "where": "*/u14/console", "text": XID, "times": 1}])
    (event,) = eventually(lambda: events(product, "gpu.xid") or None, within=30)
    assert event["place"].endswith("/u14/gpu2"), "the agent of u14 says which GPU has this address"
    assert event["details"]["xid"] == 79
    assert XID in product.cli("console", "log", "u14", "--grep", "Xid").stdout
    assert product.cli("console", "list", "-o", "name").stdout.count("/console") == COMPUTE + SWITCH


def test_a_pipe_types_and_ends_by_itself(product: Product) -> None:
    done = subprocess.run(
        [*COMMAND, "console", "u15", "--lines", "0"],
        input=b"\rroot\rguess\runame -a\rexit\r",
        capture_output=True,
        timeout=60 * PATIENCE,
        env=environment(product),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"aarch64" in done.stdout
    assert b"u15 login: " in done.stdout
    eventually(lambda: consoles(product)["u15/console"]["writer"] == "", within=30)


def test_two_people_at_one_console(product: Product) -> None:
    ann = Person(product, "u16")
    ann.sees(b"you write")
    ann.types(b"\r")
    ann.sees(b"u16 login: ")
    refused = subprocess.run(
        [*COMMAND, "console", "u16"],
        input=b"x",
        capture_output=True,
        timeout=60 * PATIENCE,
        env=environment(product),
        check=False,
    )
    assert (refused.returncode, b"admin writes here" in refused.stderr) == (5, True), refused.stderr
    bob = Person(product, "u16", "--take", "ann went home")
    bob.sees(b"you write")
    ann.sees(b"admin takes over from admin: ann went home")
    bob.types(b"\x15root\r")
    bob.sees(b"Password: ")
    ann.sees(b"Password: ")
    bob.types(b"\r~B")
    bob.sees(b"sysrq: HELP")
    ann.leaves()
    bob.leaves()
    taken = eventually(lambda: events(product, "console.taken") or None)
    assert taken[0]["details"]["reason"] == "ann went home"
    trail = [(row["what"], row["outcome"]) for row in product.get("/api/v1/audit", limit=100)]
    assert ("console take", "ok") in trail
    assert ("console break", "ok") in trail


def test_a_console_that_is_lost_is_found_and_one_with_another_key_is_held(product: Product) -> None:
    (drop,) = product.control.add_faults([{"what": "console_drop", "where": "*/u17/console"}])
    eventually(lambda: consoles(product)["u17/console"]["state"] == "lost", within=30)
    (key,) = product.control.add_faults([{"what": "console_key", "where": "*/u17/console"}])
    product.control.clear_faults([drop])
    eventually(lambda: consoles(product)["u17/console"]["state"] == "held", within=60)
    assert "host key" in consoles(product)["u17/console"]["error"]
    product.control.clear_faults([key])
    product.cli("console", "retry", "u17")
    eventually(lambda: consoles(product)["u17/console"]["state"] == "connected", within=30)
    eventually(lambda: events(product, "console.connected") or None)
    assert [len(events(product, f"console.{kind}")) for kind in ("lost", "held", "connected")] == [1, 1, 1]
    log = product.cli("console", "log", "u17", "--grep", "rackwright:").stdout
    assert "what it says from here on is not heard" in log


def test_logs_are_bounded_files_of_their_owner_alone(product: Product) -> None:
    folder = product.state / "controller" / "consoles" / "k01" / "u14" / "console"
    assert {Path(p).suffix for p in os.listdir(folder)} == {".log", ".idx"}
    assert all((folder / p).stat().st_mode & 0o077 == 0 for p in os.listdir(folder))
