"""Consoles over API, bus and controller: watched by many, written by one, searched, and bounded at every end."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg
from support.api import PASSWORD, Api, fill
from support.asgi_socket import AsgiSocket, open_socket
from support.play import stage
from support.scripted_console import U12, Room, ScriptedConsole, room
from support.ssh_bench import until

from datacenter_api.consoles import attach, feed, search
from rack_controller.model.console import MOST_CHUNK
from rack_controller.model.roles import Role
from rack_controller.model.subjects import subjects_of
from rack_controller.run.clock import SystemClock
from rack_controller.run.consoles import rack_consoles
from rack_controller.run.ending import running

V1 = "/api/v1"
HERE = f"{V1}/consoles/u12/attach"
pytestmark = pytest.mark.timeout(90)


@dataclass
class Scene:
    """An API, the bus, and a rack whose u12 has a console that the test plays."""

    api: Api
    room: Room
    console: ScriptedConsole

    @contextlib.asynccontextmanager
    async def socket(self, role: Role = Role.ADMIN, **query: str) -> AsyncIterator[AsgiSocket]:
        user = role.value
        if role is not Role.ADMIN and self.api.services.accounts.enabled(user) is None:
            self.api.user_for(role)
        async with open_socket(self.api.gate, HERE, f"{user}:{PASSWORD}", **query) as socket:
            await socket.until(lambda s: s.accepted or s.denied)
            yield socket

    async def log(self, status: int = 200, **query: Any) -> Any:
        async with self.api.client() as client:
            answer = await client.get(f"{V1}/consoles/u12/log", params=query)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
async def scene(state: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(rack_consoles, "READINGS_FIRST", 0.0)
    monkeypatch.setattr(attach, "LOOK_S", 0.2)
    console = ScriptedConsole()
    async with stage(state) as on_stage:
        (rack,) = on_stage.racks.values()
        here = room(state / "controller" / "consoles", SystemClock(), console)
        client = on_stage.client

        async def answer(message: Msg) -> None:
            await message.respond(await here.consoles.answer(message.data))

        await client.subscribe(subjects_of(U12).console, cb=answer)
        api = Api(state)
        fill(api.services.fleet.record(rack.name), rack, api.services.now())
        async with running([here.consoles.run(client.publish, here.told.append), api.services.bus.run()]):
            await until(lambda: console.opened == 1 and api.services.bus.connected)
            await asyncio.sleep(0)
            yield Scene(api, here, console)
        api.services.store.close()


async def test_two_watch_one_writes_and_another_takes_over(scene: Scene) -> None:
    scene.console.prints(b"before anybody came\r\n")
    await until(lambda: "before" in str(scene.room.consoles._stations[U12].log.read("x", 0).data))
    async with scene.socket() as ann, scene.socket(Role.OPERATOR) as bob:
        await ann.until(lambda s: b"before anybody came" in s.shown)
        scene.console.prints(b"\x1b[1mlogin:\x1b[0m \xff\x00")
        for watcher in (ann, bob):
            await watcher.until(lambda s: s.shown.endswith(b"\x1b[1mlogin:\x1b[0m \xff\x00"))
        ann.type(b"too early")
        assert (await ann.heard("refused"))["code"] == "writer_taken"
        ann.do("open")
        await ann.heard("granted")
        await bob.heard("status", writer="admin", you=False)
        ann.type(b"root\r")
        await until(lambda: bytes(scene.console.sent) == b"root\r")
        bob.do("open")
        refused = await bob.heard("refused")
        assert "admin writes here" in refused["message"]
        bob.do("open", reason="the tray is on fire")
        await bob.heard("granted")
        await ann.heard("lost")
        await ann.until(lambda s: b"operator takes over from admin: the tray is on fire" in s.shown)
        ann.type(b"still me?")
        await ann.until(lambda s: s.said[-1]["type"] == "refused")
        bob.do("break")
        await until(lambda: scene.console.breaks == 1)
        assert bytes(scene.console.sent) == b"root\r"
    await until(lambda: scene.room.consoles._desks[U12].holder is None)
    trail = {(r["actor"], r["what"], r["outcome"], r["detail"]) for r in scene.api.services.store.audited(200)}
    assert ("operator", "console take", "ok", "the tray is on fire") in trail
    assert ("admin", "console open", "ok", "") in trail
    assert ("operator", "console break", "ok", "") in trail
    assert ("operator", "console close", "ok", "the connection ended") in trail
    assert [f.kind for f in scene.room.told] == ["console.taken", "console.break"]


async def test_somebody_who_loses_the_role_types_no_more(scene: Scene) -> None:
    async with scene.socket(Role.OPERATOR, write="true") as socket:
        await socket.heard("granted")
        scene.api.services.accounts.change("operator", role=Role.VIEWER)
        socket.type(b"reboot\r")
        await socket.until(lambda s: s.closed is not None)
    await until(lambda: scene.room.consoles._desks[U12].holder is None)
    assert bytes(scene.console.sent) == b""


@pytest.mark.parametrize(
    ("role", "watches", "writes"),
    [
        (Role.VIEWER, False, False),
        (Role.TECHNICIAN, True, False),
        (Role.SAFETY, True, False),
        (Role.OPERATOR, True, True),
    ],
)
async def test_who_may_watch_and_who_may_write(scene: Scene, role: Role, watches: bool, writes: bool) -> None:
    async with scene.socket(role, write="true") as socket:
        assert socket.accepted is watches
        if not watches:
            assert socket.denied is not None
            assert socket.denied[0] == 403
        elif writes:
            await socket.heard("granted")
        else:
            assert (await socket.heard("refused"))["code"] == "role_insufficient"


async def test_a_cookie_from_a_foreign_page_and_nobody_are_refused(scene: Scene) -> None:
    denial = await scene.api.services.doorkeeper.log_in("admin", PASSWORD, "127.0.0.1")
    assert isinstance(denial, tuple)
    cookie = {"cookie": f"rackwright_session={denial[0]}"}
    for headers, status in (({}, 401), ({**cookie, "origin": "https://evil.test"}, 403), (cookie, 403)):
        async with open_socket(scene.api.gate, HERE, None, headers) as socket:
            denied = await socket.until(lambda s: s.denied)
            assert denied[0] == status
    async with open_socket(scene.api.gate, HERE, None, {**cookie, "origin": "https://api.test"}) as socket:
        await socket.until(lambda s: s.accepted)


async def test_a_watcher_that_reads_nothing_costs_no_memory_and_is_served_from_the_log(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "KEPT", 4 * MOST_CHUNK)
    async with scene.socket(lines="0") as slow, scene.socket(lines="0") as quick:
        await slow.heard("status")
        slow.reads.clear()
        whole = b"".join(b"%07d\r\n" % n for n in range(40_000))
        for at in range(0, len(whole), 60_000):
            scene.console.prints(whole[at : at + 60_000])
        await quick.until(lambda s: s.shown.endswith(b"0039999\r\n"))
        (kept,) = scene.api.services.consoles._feeds.values()
        assert kept._bytes <= 4 * MOST_CHUNK
        slow.reads.set()
        await slow.until(lambda s: s.shown.endswith(b"0039999\r\n"))
        assert slow.shown[slow.shown.index(b"0000000") :] == whole, "nothing is lost, nothing twice"


async def test_hostile_frames_end_where_they_must(scene: Scene) -> None:
    async with scene.socket() as socket:
        socket.text("{")
        await socket.heard("refused", code="malformed")
        socket.text(json.dumps({"do": "reboot the moon"}))
        assert (await socket.heard("refused", advice="open, break, close"))["code"] == "arguments_invalid"
        socket.type(b"x" * (attach.MOST_FRAME + 1))
        assert await socket.until(lambda s: s.closed) == 1009
    async with open_socket(scene.api.gate, f"{V1}/consoles/u99/attach", f"admin:{PASSWORD}") as socket:
        denied = await socket.until(lambda s: s.denied)
        assert denied[0] == 404
    async with open_socket(scene.api.gate, f"{V1}/consoles/u06/attach", f"admin:{PASSWORD}") as socket:
        denied = await socket.until(lambda s: s.denied)
        assert "no serial console" in denied[1]["error"]["message"]


async def test_the_log_is_searched_by_time_text_and_pattern(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(300):
        scene.console.prints(b"line %d\r\n" % n)
    scene.console.prints(b"NVRM: \x1b[31mXid\x1b[0m (PCI:0009:01:00): 79, gone\r\nlast\r\nhalf")
    await until(lambda: b"half" in scene.room.consoles._stations[U12].log.read("x", None, backwards=True).data)
    rows = await scene.log(lines=3)
    assert [r["text"] for r in rows] == ["NVRM: Xid (PCI:0009:01:00): 79, gone", "last", "half"]
    assert [r["text"] for r in await scene.log(grep="Xid (")] == ["NVRM: Xid (PCI:0009:01:00): 79, gone"]
    assert [r["text"] for r in await scene.log(grep="line 29", lines=2)] == ["line 298", "line 299"]
    assert [r["text"] for r in await scene.log(grep="^line [12]9$", regex=True)] == ["line 19", "line 29"]
    assert (await scene.log())[0]["text"] != "line 0"
    everything = await scene.log(lines=1000)
    assert everything[0]["mark"] is True
    assert [r["text"] for r in everything[1:3]] == ["line 0", "line 1"]
    assert await scene.log(since="2099-01-01T00:00:00Z") == []
    assert len(await scene.log(lines=1000, since="2020-01-01T00:00:00Z")) == len(everything)
    said = await scene.log(422, grep="(", regex=True)
    assert said["error"]["code"] == "arguments_invalid"
    await scene.log(422, lines=0)
    monkeypatch.setattr(search, "SEARCH_WITHIN_S", 0.7)
    said = await scene.log(504, grep="(.*)*(.*)*(.*)*(.*)*x$" * 3, regex=True)
    assert said["error"]["code"] == "deadline_passed"


async def test_consoles_are_listed_with_their_writer_and_without_a_controller_as_unknown(scene: Scene) -> None:
    async with scene.api.client() as client, scene.socket(write="true") as socket:
        await socket.heard("granted")
        rows = (await client.get(f"{V1}/consoles", params={"rack": "k01"})).json()
        mine = next(r for r in rows if r["place"] == U12)
        assert (mine["state"], mine["writer"]) == ("connected", "admin")
        assert "writer_session" not in mine
        assert next(r for r in rows if r["place"].endswith("u13/console"))["state"] == "off"
        retried = await client.post(f"{V1}/consoles/u12/retry")
        assert retried.json()["state"] == "connected"
    scene.api.services.bus.site = None  # as without a bus
    async with scene.api.client() as client:
        rows = (await client.get(f"{V1}/consoles")).json()
        assert len(rows) == 27
        assert {r["state"] for r in rows} == {"unknown"}
        assert (await client.get(f"{V1}/consoles/u12/log")).status_code == 503
