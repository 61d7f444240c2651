"""Reminders of decisions: each day at each distance once, over restarts, by webhook and mail, to who wants it."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from support.api import Api
from support.play import until
from support.told_people import Listener, MailHost, listening

from datacenter_api.notify.desk import NotifyDesk
from datacenter_api.notify.reminding import after, due, lines_of_reminders, subject_of_reminders
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.prove.option import REMIND_DAYS, Firm, Offer, Reminder

DAY = date(2027, 3, 31)
ALLOWED = "allowed: [127.0.0.0/8]\n"


def left(days: int, name: str = "pilot", on: date = DAY) -> Reminder:
    return Reminder(name, "the option ends, offered now", on, days)


def test_a_day_is_told_at_each_distance_once() -> None:
    told: list[str] = []
    heard = []
    for days in range(35, -1, -1):
        standing = [left(days)] if days <= max(REMIND_DAYS) else []
        batch = due(standing, told)
        heard += [r.days_left for r in batch]
        told = after(told, batch, standing)
    assert heard == [30, 14, 7, 1]


def test_what_was_missed_is_told_once_as_it_is_now_and_a_moved_day_anew() -> None:
    told = after([], due([left(5)], []), [left(5)])
    assert due([left(4)], told) == []
    later = left(29, on=date(2027, 4, 30))
    assert due([later], told) == [later]
    assert after(told, [later], [later]) == after([], [later], [later]), "the day that is gone is forgotten"
    assert after(told, [], []) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["a", "b", "c"])), max_size=6))
def test_nothing_that_was_delivered_is_due(rows: list[tuple[int, str]]) -> None:
    standing = [left(days, name, DAY + timedelta(days=days)) for days, name in rows]
    assert due(standing, after([], due(standing, []), standing)) == []


def test_words_say_what_ends_when() -> None:
    assert subject_of_reminders("lab1", [left(1), left(7, "b")]) == "[lab1] decision pilot: 1 day left and 1 more"
    assert "2027-03-31, ends today: decision pilot: the option ends" in lines_of_reminders([left(0)])


def decided(api: Api) -> None:
    day = datetime.now(UTC).date()
    offer = Offer("pilot", "P", Firm("M", ("mo",)), Firm("B", ("bea",)), (), day, day + timedelta(days=10))
    api.services.passports.decisions().offer(offer, "admin")


def desk_of(api: Api, text: str) -> NotifyDesk:
    (api.services.state / "notify.yaml").write_text(f"kind: notify\nschema_version: 1\n{text}")
    return NotifyDesk(api.services, time.time_ns)


async def test_who_wants_it_is_reminded_by_webhook_once_and_not_again_after_a_restart(api: Api) -> None:
    decided(api)
    far = Listener()
    async with listening(far.serve) as port:
        url = f'url: "http://127.0.0.1:{port}/hook"'
        text = ALLOWED + f"webhooks: [{{name: buyer, {url}, reminders: true}}, {{name: pager, {url}}}]\n"
        desk = desk_of(api, text)
        desk.look()
        await until(lambda: len(far.got) == 1)
        await until(lambda: desk.reminders.told != {})
        body: dict[str, Any] = orjson.loads(far.got[0][1])
        assert (body["alarms"], body["test"]) == ([], False)
        assert [(r["name"], r["days_left"]) for r in body["reminders"]] == [("pilot", 10)]
        again = desk_of(api, text)
        again.look()
        assert again.reminders.under_way is not None
        await again.reminders.under_way
        assert len(far.got) == 1


async def test_a_reminder_that_is_not_taken_is_tried_again(api: Api) -> None:
    decided(api)
    far = Listener(status=500)
    async with listening(far.serve) as port:
        hook = f'webhooks: [{{name: buyer, url: "http://127.0.0.1:{port}/", reminders: true}}]\n'
        desk = desk_of(api, ALLOWED + hook)
        desk.look()
        await until(lambda: desk.reminders.failing != {})
        assert desk.reminders.failing == {"buyer": "it answered 500"}
        assert desk.reminders.next_look - api.services.now() < 61
        far.status, desk.reminders.next_look = 200, Seconds(0.0)
        desk.look()
        await until(lambda: desk.reminders.told != {})
        assert desk.reminders.failing == {}


async def test_a_mailbox_is_reminded_in_plain_words(api: Api) -> None:
    decided(api)
    far = MailHost()
    async with listening(far.serve) as port:
        box = f"mail: [{{name: m, host: 127.0.0.1, port: {port}, security: none, sender: a@b.c, to: [d@e.f],"
        desk = desk_of(api, ALLOWED + box + " reminders: true}]\n")
        desk.look()
        await until(lambda: len(far.mails) == 1)
        assert "decision pilot: 10 days left" in far.mails[0]
        assert "rackwright option show" in far.mails[0]


async def test_nobody_is_asked_where_there_are_no_decisions(api: Api) -> None:
    hook = 'webhooks: [{name: buyer, url: "http://127.0.0.1:9/", reminders: true}]\n'
    desk = desk_of(api, ALLOWED + hook)
    desk.look()
    assert desk.reminders.under_way is None
