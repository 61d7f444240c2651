"""Hands the interlocks' orders on and tells what came of them.  Nothing is waited for."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, NamedTuple

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.interlock import Key, Order
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.interlock import SWITCHES_OFF, Act, Row
from rack_controller.run.ending import end
from rack_controller.run.guard.jobs import JobTeller
from rack_controller.run.guard.trail import SEVERITIES, Fate, Trail, names_of
from rack_controller.run.start_now import start_now

_log = logging.getLogger(__name__)

TOLD = frozenset({Act.ALARM, Act.DRAIN, Act.STOP_JOB, Act.REQUEST_ELECTRICAL_ISOLATION, Act.REQUEST_LIQUID_ISOLATION})
"""Acts that are words to somebody else: where nobody here says them, they go out as events."""


class Came(NamedTuple):
    """What came of an order: in words, and by target where it is known by now."""

    words: str
    fates: Mapping[Place, tuple[Fate, str]]
    """Each target's fate, and why it failed where it did."""


Then = Callable[[Callable[[], object], Callable[[], object]], object]
"""Calls something once what was written is on the disk, something else where that never comes (`Sheet.then`)."""


def at_once(act: Callable[[], object], _drop: Callable[[], object]) -> None:
    """Call it now: nothing was written."""
    act()


Carry = Callable[[Order], Coroutine[Any, Any, Came]]
"""Carries an order out.  What it does before it returns is done at once: what must be on the disk is written with its
latch.  Raises RackwrightError, when awaited, where no target took it."""


class Carrying:
    """The orders of one rack under way.  `carriers`: who carries out which act; an alarm says what has none.
    `armed`: whether anything is carried out; otherwise it is only told.  What switches off begins right behind `then`,
    ahead of all that the loop has to do."""

    def __init__(
        self,
        rows: Mapping[str, Row],
        carriers: Mapping[Act, Carry],
        clock: Clock,
        say: Callable[[Finding], object],
        armed: Callable[[], bool],
        then: Then = at_once,
        jobs: JobTeller | None = None,
    ) -> None:
        self._then = then
        self._rows, self._carriers, self._clock, self._say, self._armed = rows, carriers, clock, say, armed
        self._jobs = JobTeller(say) if jobs is None else jobs
        self.trail = Trail()
        self._running: set[asyncio.Future[Came]] = set()
        self._told: dict[tuple[str, Place, Act], str] = {}  # what was said last of an act that is repeated

    @property
    def under_way(self) -> "set[asyncio.Future[Came]]":
        """Return the orders that are being carried out now."""
        return set(self._running)

    def came_of(self, key: Key, act: Act) -> str:
        """Return what was said last of an act that a cause ordered at a place, empty before anything was."""
        return self._told.get((*key, act), "")

    def forget(self, key: Key) -> None:
        """Forget what was said of a row that is over or cleared."""
        self.trail.forget(key)
        self._told = {k: v for k, v in self._told.items() if k[:2] != key}

    def clear(self) -> None:
        """Forget everything: it is judged anew."""
        self.trail.clear()
        self._told.clear()

    async def close(self) -> None:
        """End what is under way.  Devices keep what they were told."""
        await end(list(self._running))

    def take(self, order: Order) -> None:
        """Carry an order out, or tell it to those who must."""
        row = self._rows[order.cause]
        carrier = self._carriers.get(order.act)
        if order.act is Act.ALARM:
            self._alarm(order, row)
        elif order.act in TOLD and carrier is None:
            self.trail.note(order, Fate.TAKEN)
            self._tell(order)
        elif not self._armed():
            if carrier is not None:
                self.trail.note(order, Fate.TAKEN)
            whom = names_of(order.targets)
            text = f"would {_words(order.act)} {whom}: {order.reason} (the rack is not armed)"
            self._say_once(order, f"interlock.would.{order.act}", Severity.WARNING, text)
        elif carrier is not None:  # what has none is told with the row's alarm
            self.trail.note(order, Fate.ASKED)
            self._carry(carrier, order)

    def _alarm(self, order: Order, row: Row) -> None:
        undone = sorted({_words(r.do) for r in row.ladder} - {_words(a) for a in {*self._carriers, *TOLD}})
        words = f"{order.reason}. {row.consequence}; {row.response}"
        if undone:
            words += f" (nothing here can {', '.join(undone)})"
        self._say(Finding(order.place, f"interlock.{row.cause}", SEVERITIES[row.priority], words))

    def _tell(self, order: Order) -> None:
        """Tell those who watch the events what is asked of them: a scheduler, the building."""
        wait = None if order.deadline is None else round(order.deadline - self._clock.now())
        within = "" if wait is None else f" within {wait} s"
        text = f"{_words(order.act)} {names_of(order.targets)}{within}: {order.reason}"
        details: dict[str, str | float | int | None] = {"cause": order.cause, "deadline_s": wait}
        finding = Finding(order.place, f"interlock.{order.act}", Severity.WARNING, text, details)
        if order.act is Act.STOP_JOB:
            self._jobs.tell(order, finding)
        else:
            self._say(finding)

    def _carry(self, carrier: Carry, order: Order) -> None:
        try:
            coming = carrier(order)
        except Exception as err:  # noqa: BLE001 - told, and the other orders are carried out
            self._broke(order, err)
            return
        self._then(partial(self._begin, order, coming), coming.close)

    def _begin(self, order: Order, coming: Coroutine[Any, Any, Came]) -> None:
        first = order.act in SWITCHES_OFF
        under_way = start_now(coming) if first else asyncio.get_running_loop().create_task(coming)
        self._running.add(under_way)
        under_way.add_done_callback(partial(self._ended, order))

    def _ended(self, order: Order, under_way: "asyncio.Future[Came]") -> None:
        self._running.discard(under_way)
        if under_way.cancelled():
            return
        err = under_way.exception()
        if isinstance(err, RackwrightError):
            self._failed(order, err.what, f"{err.what}; wanted because {order.reason}")
        elif err is not None:
            self._broke(order, err)
        else:
            came = under_way.result()
            self.trail.learn(order, came.fates)
            text = f"{_words(order.act)} {names_of(order.targets)}: {came.words}; {order.reason}"
            self._say_once(order, f"interlock.done.{order.act}", Severity.WARNING, text)

    def _broke(self, order: Order, err: BaseException) -> None:
        """Tell of a bug: logged whole, because nobody else waits for what is under way."""
        _log.error("%s of %s for %s failed", order.act, names_of(order.targets), order.cause, exc_info=err)
        bug = f"a bug of the controller ({type(err).__name__})"
        self._failed(order, bug, f"{bug}, see its log")

    def _failed(self, order: Order, why: str, told: str) -> None:
        self.trail.learn(order, dict.fromkeys(order.targets, (Fate.FAILED, why)))
        text = f"{_words(order.act)} {names_of(order.targets)} failed: {told}"
        self._say_once(order, f"interlock.failed.{order.act}", Severity.CRITICAL, text)

    def _say_once(self, order: Order, kind: str, severity: Severity, text: str) -> None:
        """Say what became of an order, unless its repetition comes to the same."""
        key = (order.cause, order.place, order.act)
        if self._told.get(key) != text:
            self._told[key] = text
            self._say(Finding(order.place, kind, severity, text, {"cause": order.cause, "act": order.act}))


def _words(act: Act) -> str:
    return act.replace("_", " ")
