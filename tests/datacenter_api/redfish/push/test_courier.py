"""One subscriber's queue: retries by policy, bounded, suspended and resumed; in virtual time."""

import asyncio
from typing import Any

import pytest
from support.virtual_time import VirtualClock, run_virtually

from datacenter_api.redfish.figures import RedfishFigures
from datacenter_api.redfish.push.courier import MOST_AT_ONCE, MOST_WAITING, Courier, Rules
from datacenter_api.redfish.push.subscription import Subscription
from firmware_bridge.vocabulary.units import Seconds


class Listener:
    """Takes what is delivered; `answers` are why it does not, in turn, then it does."""

    def __init__(self, policy: str, *answers: str, always: str | None = None) -> None:
        self.clock = VirtualClock()
        self.answers, self.always = list(answers), always
        self.taken: list[list[Any]] = []
        self.lost: list[int] = []
        self.tries: list[float] = []
        self.ended: list[str] = []
        self.written = 0
        kept = Subscription(id="s", user="u", destination="http://x/", policy=policy)
        self.courier = Courier(
            kept, Rules(2, Seconds(10.0)), RedfishFigures(), self.clock.now, self._deliver, self._settled, self._over
        )

    async def _deliver(self, _kept: Subscription, records: list[dict[str, Any]], lost: int) -> str | None:
        self.tries.append(self.clock.now())
        why = self.answers.pop(0) if self.answers else self.always
        if why is None:
            self.taken.append([record["EventId"] for record in records])
            self.lost.append(lost)
        return why

    def _settled(self, _at_once: bool) -> None:
        self.written += 1

    def _over(self, _kept: Subscription, why: str) -> None:
        self.ended.append(why)

    def put(self, *numbers: int) -> None:
        for number in numbers:
            self.courier.put({"EventId": str(number)}, number)


def test_a_listener_that_fails_and_recovers_gets_everything_once_and_in_order() -> None:
    async def story() -> None:
        listener = Listener("TerminateAfterRetries", "down", "down")
        listener.put(1, 2)
        await asyncio.sleep(100)
        assert listener.taken == [["1", "2"]]
        assert listener.tries == [0.0, 10.0, 20.0]
        assert (listener.courier.kept.since_ns, listener.courier.kept.sent_ids) == (2, ("1", "2"))
        listener.put(3)
        await asyncio.sleep(1)
        assert (listener.taken[-1], listener.ended) == (["3"], [])
        await listener.courier.stop()

    run_virtually(story())


@pytest.mark.parametrize(
    ("policy", "tries", "ended", "suspended"),
    [
        ("TerminateAfterRetries", [0, 10, 20], ["down"], False),
        ("SuspendRetries", [0, 10, 20], [], True),
        ("RetryForever", [0, 10, 20, 30, 40, 50, 60, 70, 80, 90], [], False),
        ("RetryForeverWithBackoff", [0, 10, 30, 70], [], False),
    ],
)
def test_what_happens_after_the_last_retry_is_the_policy(
    policy: str, tries: list[float], ended: list[str], suspended: bool
) -> None:
    async def story() -> None:
        listener = Listener(policy, always="down")
        listener.put(1)
        await asyncio.sleep(99)
        assert listener.tries == tries
        assert (listener.ended, listener.courier.kept.suspended) == (ended, suspended)
        await listener.courier.stop()

    run_virtually(story())


def test_who_resumes_while_it_waits_to_try_again_is_delivered_to_at_once() -> None:
    async def story() -> None:
        listener = Listener("RetryForever", "down")
        listener.put(1)
        await asyncio.sleep(1)
        listener.courier.suspend()
        await asyncio.sleep(1)
        assert (listener.tries, listener.taken) == ([0], [])
        listener.courier.resume(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        assert (listener.tries, listener.taken) == ([0, 2], [["1"]])
        await listener.courier.stop()

    run_virtually(story())


def test_a_suspended_subscription_keeps_what_comes_and_delivers_it_when_it_is_resumed() -> None:
    async def story() -> None:
        listener = Listener("SuspendRetries", "down", "down", "down")
        listener.put(1)
        await asyncio.sleep(50)
        assert listener.courier.kept.suspended
        listener.put(2)
        await asyncio.sleep(50)
        assert listener.taken == []
        listener.courier.resume(Seconds(60.0))
        await asyncio.sleep(1)
        assert listener.taken == [["2"]]
        assert listener.courier.figures.dropped == 1
        listener.courier.suspend()
        listener.put(3)
        await asyncio.sleep(1)
        listener.courier.resume(None)
        await asyncio.sleep(1)
        assert listener.taken == [["2"], ["3"]]
        await listener.courier.stop()

    run_virtually(story())


def test_a_dead_listener_costs_a_bounded_queue_and_hears_that_events_were_lost() -> None:
    async def story() -> None:
        listener = Listener("RetryForever", "down")
        listener.put(1)
        await asyncio.sleep(1)
        listener.put(*range(2, MOST_WAITING + 12))
        assert len(listener.courier.waiting) == MOST_WAITING
        await asyncio.sleep(100)
        assert sum(map(len, listener.taken)) == MOST_WAITING + 1
        assert all(len(batch) <= MOST_AT_ONCE for batch in listener.taken)
        assert (listener.lost[0], set(listener.lost[1:])) == (10, {0})
        await listener.courier.stop()

    run_virtually(story())
