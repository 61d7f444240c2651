"""Alarms told by webhook and mail over real sockets: signed, tried again, not where nothing may go, not waited for."""

import asyncio
import hashlib
import hmac
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from support.alarmed import played_alarms
from support.api import Api, fill
from support.play import played_rack, until
from support.told_people import Listener, MailHost, listening

from datacenter_api.notify.desk import NotifyDesk
from datacenter_api.notify.on_demand import Notifier
from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.alarm import AlarmGlance


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take a connection and say nothing until it ends."""
    await reader.read()
    writer.close()


@pytest.fixture
def alarmed(api: Api) -> Any:
    rack = played_rack()
    rack.alarms = played_alarms(rack.place)
    fill(api.services.fleet.record("k01"), rack, Seconds(time.monotonic()))
    return rack


def desk_of(api: Api, text: str) -> NotifyDesk:
    (api.services.state / "notify.yaml").write_text(f"kind: notify\nschema_version: 1\n{text}")
    desk = NotifyDesk(api.services, time.time_ns)
    desk._since = dict.fromkeys((f"k01-a{n}" for n in range(30)), Seconds(0.0))  # all of them have stood for long
    return desk


def hook(port: int, more: str = "") -> str:
    return f'webhooks: [{{name: pager, url: "http://127.0.0.1:{port}/hook"{more}}}]\n'


ALLOWED = "allowed: [127.0.0.0/8]\n"


async def test_a_webhook_gets_what_is_new_signed_and_once(api: Api, alarmed: Any) -> None:
    far = Listener()
    key = api.services.state / "pager.key"
    key.write_text("s3cret")
    key.chmod(0o600)
    async with listening(far.serve) as port:
        desk = desk_of(api, ALLOWED + hook(port, ", key_file: pager.key, priorities: [1, 2]"))
        desk.look()
        await until(lambda: desk.view().targets[0].delivered == 2)
        (headers, body), *rest = far.got
        assert rest == []
        assert far.alarms() == [("raised", "k01-a1"), ("raised", "k01-a21")]
        signed = headers["x-rackwright-timestamp"].encode() + b"." + body
        want = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
        assert headers["x-rackwright-signature"] == f"sha256={want}"
        desk.look()
        assert desk.view().targets[0].waiting == 0
        again = desk_of(api, ALLOWED + hook(port, ", key_file: pager.key, priorities: [1, 2]"))
        again.look()
        assert again.view().targets[0].waiting == 0, "a restart tells nothing twice"
        api.services.fleet.record("k01").alarms = AlarmGlance()
        again.look()
        await until(lambda: again.view().targets[0].delivered == 2)
        assert far.alarms()[2:] == [("over", "k01-a1"), ("over", "k01-a21")]


async def test_what_is_not_taken_is_tried_again_later_and_later(api: Api, alarmed: Any) -> None:
    far = Listener(status=500)
    async with listening(far.serve) as port:
        desk = desk_of(api, ALLOWED + hook(port))
        desk.look()
        await until(lambda: desk.view().targets[0].failed == 1)
        target = desk.view().targets[0]
        assert (target.failing, target.waiting) == ("it answered 500", 7)
        desk.look()
        assert len(far.got) == 1, "it waits before it tries again"
        state = desk._desks["pager"]
        assert (state.wait, round(state.next_try - time.monotonic()) in (1, 2)) == (4.0, True)
        far.status, state.next_try = 200, Seconds(0.0)
        desk.look()
        await until(lambda: desk.view().targets[0].delivered == 7)
        assert desk.view().targets[0].failing == ""


AIMS = (
    ('webhooks: [{name: pager, url: "http://127.0.0.1:9/"}]', "loopback"),
    ('webhooks: [{name: pager, url: "http://169.254.169.254/latest"}]', "link-local"),
    ('webhooks: [{name: pager, url: "https://127.0.0.1:8443/api"}]\nallowed: [127.0.0.0/8]', "port of this service"),
    ("mail: [{name: pager, host: 127.0.0.1, sender: a@b.org, to: [c@d.org]}]", "loopback"),
)


async def test_where_nothing_may_go_nothing_goes(api: Api, alarmed: Any) -> None:
    (api.services.state / "server.json").write_text('{"url": "https://127.0.0.1:8443"}')
    for text, why in AIMS:
        desk = desk_of(api, text + "\n")
        assert why in (await desk.test("pager")).failing
        desk.look()
        await until(lambda d=desk: d.view().targets[0].failed == 1)  # type: ignore[misc]
        assert why in desk.view().targets[0].failing


async def test_a_mail_says_what_happened_and_a_silent_host_delays_nobody(api: Api, alarmed: Any) -> None:
    box, far = MailHost(), Listener()
    async with listening(box.serve) as mail, listening(silent) as mute, listening(far.serve) as port:
        common = "sender: rack@example.org, to: [oncall@example.org], security: none"
        boxes = f"mail:\n  - {{name: mute, host: 127.0.0.1, port: {mute}, {common}}}\n"
        boxes += f"  - {{name: oncall, host: 127.0.0.1, port: {mail}, {common}}}\n"
        desk = desk_of(api, ALLOWED + hook(port) + boxes)
        desk.look()
        await until(lambda: [t.delivered for t in desk.view().targets] == [7, 0, 2])
        assert "Subject: [] raised: Leak at k01/u31 and 1 more" in box.mails[0]
        assert "what to do: leave it off" in box.mails[0].replace("=\r\n", "")
        for _ in range(20):
            desk.look()
        assert [t.waiting for t in desk.view().targets] == [0, 2, 0], "it alone waits, for what was new"
        await desk.close()


async def test_a_changed_file_counts_at_once_and_a_broken_one_says_so(api: Api, alarmed: Any, tmp_path: Path) -> None:
    desk = desk_of(api, "webhooks: []\n")
    desk.look()
    assert desk.view().targets == []
    path = api.services.state / "notify.yaml"
    path.write_text("kind: notify\nschema_version: 1\nwebhooks: [{name: pager, url: nowhere}]\n")
    desk.look()
    assert "http or https" in desk.view().fault
    path.unlink()
    desk.look()
    assert (desk.view().fault, desk.view().targets) == ("", [])
    with pytest.raises(TargetUnknown, match="nobody called 'pager'"):
        await desk.test("pager")


async def test_who_is_told_is_shown_without_secrets_and_tried_by_an_admin(api: Api, alarmed: Any) -> None:
    far = Listener()
    async with listening(far.serve) as port:
        desk_of(api, ALLOWED + f'webhooks: [{{name: pager, url: "http://127.0.0.1:{port}/x?token=hidden"}}]\n')
        api.services.notifier = Notifier(api.services)
        async with api.client() as client:
            tried = await client.post("/api/v1/notify/pager/test")
            assert (tried.status_code, tried.json()) == (200, {"name": "pager", "failing": ""})
            assert orjson.loads(far.got[0][1])["test"] is True
            shown = await client.get("/api/v1/notify")
            assert "hidden" not in shown.text
            assert shown.json()["targets"][0]["host"] == "127.0.0.1"
            assert (await client.post("/api/v1/notify/other/test")).status_code == 404
            page = (await client.get("/metrics")).text
            assert 'rackwright_alarm_news_total{target="pager",outcome="delivered"} 0' in page
            assert 'rackwright_alarm_news_waiting{target="pager"} 0' in page
        assert "notify test" in [r["what"] for r in api.services.store.audited(5)]
