"""Consoles as the controller runs them: always logged, back by themselves, bounded, and held when trust is gone."""

import asyncio
import base64
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from support.scripted_console import U12, Room, ScriptedConsole, room
from support.ssh_bench import ssh_bench, until
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.emulator.consoles.keys import fingerprint
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, LoginRefused, TrustRefused
from firmware_bridge.vocabulary.place import Place
from rack_controller.model.console import Verb
from rack_controller.model.roles import Role
from rack_controller.run.clock import SystemClock
from rack_controller.run.consoles import station
from rack_controller.run.ending import running

Story = Callable[[Room, ScriptedConsole], Coroutine[Any, Any, None]]


def tell(tmp_path: Path, story: Story, *refusals: DeviceError, armed: bool = True) -> None:
    """Run a story beside a rack with one scripted console, in virtual time."""

    async def play() -> None:
        console = ScriptedConsole(refusals=list(refusals))
        here = room(tmp_path, VirtualClock(), console, armed=armed)
        async with running([here.run()]):
            await asyncio.sleep(2.5)
            await story(here, console)

    run_virtually(play())


async def logged(here: Room, place: str = U12) -> bytes:
    page = await here.ask(Verb.READ, place, position=0)
    return base64.b64decode(page["data"])


def test_what_is_said_while_nobody_watches_is_in_the_log_with_its_time(tmp_path: Path) -> None:
    async def story(here: Room, console: ScriptedConsole) -> None:
        console.prints(b"Linux version 6.8\r\n")
        await asyncio.sleep(10)
        console.prints(b"Kernel panic - not syncing: Oh\r\n")
        await asyncio.sleep(1)
        page = await here.ask(Verb.READ, position=0)
        data = base64.b64decode(page["data"])
        assert data.count(b"\n") == 4
        assert b"[-- rackwright: connected --]" in data
        times = {data[s[0] : s[0] + 6]: s[1] for s in page["stamps"]}
        assert round((times[b"Kernel"] - times[b"Linux "]) / 1e9) == 10
        assert here.kinds == ["console.boot", "console.panic"]
        assert here.live == [], "nobody watches"
        assert (await here.status())["state"] == "connected"

    tell(tmp_path, story)


def test_a_bmc_that_resets_leaves_a_marked_gap_and_is_back_by_itself(tmp_path: Path) -> None:
    async def story(here: Room, console: ScriptedConsole) -> None:
        console.prints(b"before\r\nhalf a li")
        await asyncio.sleep(0.1)
        console.refusals = [EndpointUnreachable(U12, "open", "connection refused") for _ in range(3)]
        console.break_off()
        await asyncio.sleep(0.1)
        status = await here.status()
        assert (status["state"], status["error"]) == ("lost", "EndpointUnreachable: the connection was closed")
        await asyncio.sleep(2 + 4 + 8)
        assert console.opened == 4
        await asyncio.sleep(16)
        console.prints(b"after\r\n")
        await asyncio.sleep(0.1)
        text = await logged(here)
        gap = text.index(b"lost: the connection was closed")
        assert text.index(b"half a li") < gap < text.index(b"after")
        assert here.kinds == ["console.lost", "console.connected"]

    tell(tmp_path, story)


def test_back_off_is_bounded(tmp_path: Path) -> None:
    async def story(here: Room, console: ScriptedConsole) -> None:
        await asyncio.sleep(3600)
        assert 55 <= console.opened <= 70, "once a minute in the end"
        assert here.kinds == [], "never met: nothing was lost"

    tell(tmp_path, story, *[EndpointUnreachable(U12, "open", "no route")] * 200)


def test_a_refused_login_is_tried_twice_and_then_left_to_a_person(tmp_path: Path) -> None:
    async def locked(here: Room, console: ScriptedConsole) -> None:
        await asyncio.sleep(3600)
        status = await here.status()
        assert (console.opened, status["state"]) == (2, "held")
        assert status["error"].startswith("LoginRefused: permission denied; refused 2 times, not tried again")
        assert here.kinds == ["console.held"]
        await here.ask(Verb.RETRY)
        await asyncio.sleep(3600)
        assert (console.opened, here.kinds) == (3, ["console.held"]), "a retry is one try"
        console.refusals = []
        await here.ask(Verb.RETRY)
        await asyncio.sleep(0.1)
        assert (await here.status())["state"] == "connected"
        console.refusals = [LoginRefused(U12, "open", "permission denied"), EndpointUnreachable(U12, "open", "x")]
        console.break_off()
        await asyncio.sleep(300)
        assert (await here.status())["state"] == "connected", "one refusal among others is not two in a row"

    tell(tmp_path, locked, *[LoginRefused(U12, "open", "permission denied")] * 3)


def test_a_changed_host_key_is_held_until_a_person_says_so(tmp_path: Path) -> None:
    async def story(here: Room, console: ScriptedConsole) -> None:
        await asyncio.sleep(7200)
        assert console.opened == 1
        assert (await here.status())["state"] == "held"
        assert [(f.kind, f.severity) for f in here.told] == [("console.held", "critical")]
        assert "another key" in here.told[0].message
        refused = await here.ask(Verb.RETRY, role=Role.VIEWER)
        assert refused["status"] == 403
        await here.ask(Verb.RETRY)
        await asyncio.sleep(0.1)
        assert (await here.status())["state"] == "connected"
        assert here.kinds[-1] == "console.connected"

    tell(tmp_path, story, TrustRefused(U12, "open", "another key"))


def test_a_bug_of_a_driver_costs_its_console_only(tmp_path: Path) -> None:
    async def play() -> None:
        broken, sound = ScriptedConsole(), ScriptedConsole(Place("lab1/a/r01/k01/u14/console"))
        here = room(tmp_path, VirtualClock(), broken, sound)
        async with running([here.run()]) as tasks:
            await asyncio.sleep(3)
            broken.coming.put_nowait(None)
            sound.prints(b"fine\r\n")
            await asyncio.sleep(1)
            assert (await here.status())["state"] == "lost"
            assert b"fine" in await logged(here, sound.endpoint)
            await asyncio.sleep(60)
            assert (await here.status())["state"] == "connected"
            assert not any(task.done() for task in tasks)
            sound.prints(b"\xff\x00" * 10_000 + b"\n")  # hostile bytes are only bytes
            await asyncio.sleep(1)
            assert (await here.status(sound.endpoint))["state"] == "connected"

    run_virtually(play())


def test_a_flood_is_slowed_and_costs_only_itself(tmp_path: Path) -> None:
    async def play() -> None:
        loud, quiet = ScriptedConsole(), ScriptedConsole(Place("lab1/a/r01/k01/u14/console"))
        here = room(tmp_path, VirtualClock(), loud, quiet)
        async with running([here.run()]):
            await asyncio.sleep(3)
            for _ in range(1000):  # 64 MB
                loud.prints(b"NVRM: Xid (PCI:0009:01:00): 79, x\r\n" * 1872)
            await asyncio.sleep(20)
            end = (await here.status())["end"]
            assert end <= station.BURST + 21 * station.PACE + 70_000
            quiet.prints(b"Kernel panic - not syncing: quiet\r\n")
            await asyncio.sleep(0.01)
            assert "console.panic" in here.kinds
            assert here.kinds.count("gpu.xid") == 1
            on_disk = sum(p.stat().st_size for p in (tmp_path / "k01" / "u12" / "console").iterdir())
            assert on_disk <= 4 * 1024 * 1024

    run_virtually(play())


def test_live_bytes_are_said_while_somebody_watches_and_in_order(tmp_path: Path) -> None:
    async def story(here: Room, console: ScriptedConsole) -> None:
        (status,) = await here.ask(Verb.WATCH, place="", watched=[U12, "lab1/a/r01/k01/u13/console", "nonsense"])
        console.prints(b"x" * 40_000)
        await asyncio.sleep(0.1)
        assert {subject for subject, _ in here.live} == {"rw.v1.lab1.k01.console.u12.console"}
        at = status["end"]
        for _, chunk in here.live:
            assert chunk.position == at
            at += len(chunk.data)
        assert at == (await here.status())["end"]
        await asyncio.sleep(16)
        heard = len(here.live)
        console.prints(b"unwatched")
        await asyncio.sleep(0.1)
        assert len(here.live) == heard

    tell(tmp_path, story)


def test_one_writes_another_takes_over_with_a_reason_and_all_of_it_is_told(tmp_path: Path) -> None:
    async def story(here: Room, console: ScriptedConsole) -> None:
        typed = base64.b64encode(b"root\r").decode()
        refused = await here.ask(Verb.SEND, session="a", data=b"x")
        assert refused["code"] == "WriterTaken"
        assert (await here.ask(Verb.OPEN, session="a"))["writer"] == "ann"
        await here.ask(Verb.SEND, session="a", data=b"root\r")
        refused = await here.ask(Verb.OPEN, session="b", actor="bob")
        assert (refused["status"], refused["code"]) == (409, "WriterTaken")
        assert "ann writes here" in refused["error"]
        taken = await here.ask(Verb.OPEN, session="b", actor="bob\x1b[2J", reason="the pump is \u202eleaking")
        assert taken["writer"] == "bob [2J"
        assert (await here.ask(Verb.SEND, session="a", data=b"rm"))["code"] == "WriterTaken"
        await here.ask(Verb.BREAK, session="b", actor="bob")
        assert (bytes(console.sent), console.breaks, typed) == (b"root\r", 1, typed)
        assert here.kinds == ["console.taken", "console.break"]
        assert here.told[0].details["from"] == "ann"
        text = await logged(here)
        assert b"takes over from ann: the pump is  leaking" in text
        await here.ask(Verb.CLOSE, session="a")
        assert (await here.status())["writer"] == "bob [2J", "only the writer can stop writing"
        await here.ask(Verb.CLOSE, session="b")
        assert (await here.status())["writer"] == ""

    tell(tmp_path, story)


def test_a_writer_that_is_gone_makes_room(tmp_path: Path) -> None:
    async def story(here: Room, _console: ScriptedConsole) -> None:
        await here.ask(Verb.OPEN, session="a")
        for _ in range(10):
            await here.ask(Verb.WATCH, place="", watched=[U12], sessions=["a"])
            await asyncio.sleep(5)
        assert (await here.status())["writer"] == "ann"
        await asyncio.sleep(17)
        assert (await here.status())["writer"] == ""
        assert b"ann is gone" in await logged(here)

    tell(tmp_path, story)


def test_what_may_not_be_asked_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async def story(here: Room, console: ScriptedConsole) -> None:
        for verb, role in ((Verb.READ, Role.VIEWER), (Verb.OPEN, Role.TECHNICIAN), (Verb.BREAK, Role.SAFETY)):
            refused = await here.ask(verb, role=role, session="a")
            assert (refused["status"], refused["code"]) == (403, "RoleInsufficient")
        assert (await here.ask(Verb.READ, "lab1/a/r01/k01/u13/console"))["advice"].startswith("add it")
        assert (await here.ask(Verb.READ, "lab1/a/r01/k01/u99/console"))["code"] == "TargetUnknown"
        assert (await here.ask(Verb.OPEN, session=""))["code"] == "ArgumentsInvalid"
        await here.ask(Verb.OPEN, session="a")
        assert (await here.ask(Verb.SEND, session="a", data=b""))["code"] == "ArgumentsInvalid"
        assert (await here.ask(Verb.SEND, session="a", data=b"x" * 5000))["code"] == "ArgumentsInvalid"
        console.break_off()
        await asyncio.sleep(0.1)
        assert (await here.ask(Verb.SEND, session="a", data=b"x"))["code"] == "EndpointUnreachable"
        assert b'"code":"malformed"' in await here.consoles.answer(b"{")

    tell(tmp_path, story)


def test_a_rack_that_is_only_observed_is_not_typed_into(tmp_path: Path) -> None:
    async def story(here: Room, console: ScriptedConsole) -> None:
        refused = await here.ask(Verb.OPEN, session="a", reason="I must")
        assert (refused["code"], refused["status"]) == ("PreconditionFailed", 412)
        assert "armed: true" in refused["advice"]
        assert not console.sent

    tell(tmp_path, story, armed=False)


async def test_a_real_console_is_lost_and_found_again(tmp_path: Path, monkeypatch: object) -> None:
    with ssh_bench() as bench:
        console = bench.console(host_key=fingerprint(bench.key))
        here = room(tmp_path, SystemClock(), console)
        async with running([here.run()]):
            await bench.listened_to()
            bench.say(b"one\r\n")
            bench.door.shut()
            await until(lambda: "console.lost" in here.kinds)
            bench.door.open()
            await here.ask(Verb.RETRY)
            await bench.listened_to()
            bench.say(b"NVRM: Xid (PCI:0009:01:00): 79, GPU has fallen off the bus.\r\n")
            await until(lambda: "gpu.xid" in here.kinds)
            text = await logged(here)
            assert text.index(b"one") < text.index(b"lost:") < text.index(b"NVRM")
        await until(lambda: not bench.door.sessions)
