"""Fetches what charts and reports need, once for everybody who looks at the same; draws nothing, waits for nobody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

import msgspec

from datacenter_api.console.chart import Chart
from datacenter_api.console.choices import Choice
from datacenter_api.console.limits import LimitsState
from datacenter_api.console.readiness import ReadinessState
from datacenter_api.console.traces import make_trace
from datacenter_api.history.question import make_span
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import NotReadYet, RackwrightError
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.limit import LimitRow
from rack_controller.model.readiness import Readiness
from rack_controller.model.report import StoredReport

log = logging.getLogger(__name__)
T = TypeVar("T")

REPORT_EVERY_S, REPORT_AGAIN_S = 60.0, 5.0


@dataclass(frozen=True, slots=True)
class Window:
    """A time to look back over, in buckets of `step_s`."""

    name: str
    span_s: int
    step_s: int


WINDOWS = {w.name: w for w in (Window("15 min", 900, 5), Window("1 h", 3_600, 15), Window("24 h", 86_400, 300))}
HOUR = WINDOWS["1 h"]
HOUR_IN_MINUTES = Window("1 h", 3_600, 60)


def first_window(services: Services) -> Window:
    """Return the time that a chart shows first: an hour, less while there is not yet a written segment of history."""
    return HOUR if services.history.figures().seconds_bytes else WINDOWS["15 min"]


class Fetched(Generic[T]):
    """Something that takes a moment to read: fetched again when it is older than `every_s(value)` and looked at."""

    def __init__(self, read: Callable[[], Awaitable[T]], every_s: Callable[[T], float]) -> None:
        self._read, self._every_s = read, every_s
        self._due: Seconds | None = None
        self._task: asyncio.Task[None] | None = None
        self.value: T | None = None
        self.version = 0

    def look(self, now: Seconds) -> T | None:
        """Return what is known now, None before the first fetch; begin a fetch when one is due."""
        if self._task is None and (self._due is None or now >= self._due):
            self._task = asyncio.create_task(self._fetch(now))
        return self.value

    def renew(self) -> None:
        """Have it fetched at the next look: what it shows has just been changed."""
        self._due = None

    async def _fetch(self, now: Seconds) -> None:
        every_s = REPORT_AGAIN_S
        try:
            self.value = await self._read()
            every_s = self._every_s(self.value)
            self.version += 1
        except Exception:
            log.exception("the console could not fetch what a page shows; tried again")
        finally:
            self._due, self._task = Seconds(now + every_s), None


class FetchedSet(Generic[T]):
    """What is fetched, by key; kept as long as a page holds it."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[Hashable, Fetched[T]] = WeakValueDictionary()

    def get(self, key: Hashable, read: Callable[[], Awaitable[T]], every_s: Callable[[T], float]) -> Fetched[T]:
        """Return what is fetched under `key`, made at the first call."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Fetched(read, every_s)
        return found


@dataclass(frozen=True, slots=True)
class ReportState:
    """An endpoint's report, or why there is none: `waiting` while it is read for the first time."""

    report: StoredReport | None
    waiting: bool
    error: str

    @property
    def again_s(self) -> float:
        """Return in how many s it is worth asking again."""
        return REPORT_AGAIN_S if self.waiting or self.report is None or self.report.reading_again else REPORT_EVERY_S


async def read_chart(services: Services, rack: str, choice: Choice, window: Window) -> Chart:
    """Return a choice's chart over a window that ends now."""
    now = services.history.wall_s()
    keys = [key for wish in choice.wishes for key in wish.keys]
    # Series of one wish are added up before anything is drawn: only what is drawn counts as points.
    span = make_span(now - window.span_s, now, window.step_s, len(choice.wishes))
    stretches = await services.history.read(rack, keys, span)
    traces, at = [], 0
    for wish in choice.wishes:
        traces.append(make_trace(wish, stretches[at : at + len(wish.keys)], window.step_s))
        at += len(wish.keys)
    note = services.history.figures().trouble
    return Chart(choice.title, choice.unit, tuple(traces), span, f"history: {note}" if note else "")


async def read_readiness(services: Services, rack: str, endpoint: str) -> ReadinessState:
    """Return what the rack's controller says of an endpoint's readiness; an error is part of the answer."""
    try:
        return ReadinessState(msgspec.json.decode(await services.bus.ask(rack, "readiness", endpoint), type=Readiness))
    except (RackwrightError, msgspec.DecodeError) as err:
        return ReadinessState(None, str(err))


async def read_limits(services: Services, rack: str) -> LimitsState:
    """Return what the rack's controller says of what can be set; an error is part of the answer."""
    try:
        said = [await services.bus.ask(rack, want) for want in ("limits", "coolant")]
        return LimitsState(tuple(row for body in said for row in msgspec.json.decode(body, type=list[LimitRow])))
    except (RackwrightError, msgspec.DecodeError) as err:
        return LimitsState(error=str(err))


async def read_report(services: Services, rack: str, endpoint: str) -> ReportState:
    """Return what the rack's controller says of an endpoint's make-up; an error is part of the answer."""
    try:
        body = await services.bus.ask(rack, "report", endpoint)
        return ReportState(msgspec.json.decode(body, type=StoredReport), waiting=False, error="")
    except NotReadYet as err:
        return ReportState(None, waiting=True, error=str(err))
    except (RackwrightError, msgspec.DecodeError) as err:
        return ReportState(None, waiting=False, error=str(err))
