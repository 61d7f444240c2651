"""Looks whether a rack's endpoints are as they must be: now and then, and when somebody asks.  Writes to no device.

One endpoint at a time, behind polling and taking stock.  Keeps which part stands at each place, over restarts.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from firmware_bridge.ports.enrolment import Examinable, OnLine
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EnvironmentUnfit,
    LoginRefused,
    TargetUnknown,
)
from firmware_bridge.vocabulary.identity import Identity
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.settings import Examination
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.addresses import LineClaim, judge_addresses
from rack_controller.decide.neighbours import CableClaim, judge_neighbours
from rack_controller.decide.notice import Finding
from rack_controller.decide.places import Claim, judge_places, numbers_in
from rack_controller.decide.readiness import is_right, judge_settings, value_to_write
from rack_controller.model.event import Severity
from rack_controller.model.expectation import Expectation
from rack_controller.model.readiness import Judgement, PartSeen, PartView, Readiness, Ready, Verdict, blocking, ready_of
from rack_controller.run.journal import Journal

_log = logging.getLogger(__name__)

EVERY = Seconds(600.0)
FIRST_AFTER = Seconds(15.0)  # a rack that starts has better things to do
KIND = "part"
MOST_HISTORY = 20
_NOBODY = Identity(None)
Extra = Callable[[Place], list[Judgement]]


@dataclass(slots=True)
class _Look:
    """What is known of one endpoint."""

    examined: Examination | None = None
    taken_at: float = 0.0
    taken_unix_ns: int = 0
    due: float = 0.0
    error: str = ""
    was_blocked: tuple[str, ...] = ()
    mismatch: str = ""


class Examiner:
    """The readiness of one rack's endpoints."""

    def __init__(
        self,
        sources: Mapping[Place, TelemetrySource],
        expected: Mapping[Place, Expectation],
        journal: Journal,
        clock: Clock,
        tell: Callable[[Finding], None],
    ) -> None:
        self._sources, self._expected = sources, dict(expected)
        self._journal, self._clock, self._tell = journal, clock, tell
        self._extras: list[Extra] = []
        self._looks: dict[Place, _Look] = {}
        self._judged: dict[Place, list[Judgement]] = {}  # empty: to be judged anew
        self._turn, self._line_turn = asyncio.Lock(), asyncio.Lock()  # a look along a line takes seconds
        self._wake = asyncio.Event()

    def add(self, extra: Extra) -> None:
        """Take judgements that no device is asked for into account as well."""
        self._extras.append(extra)

    def expect(self, expected: Mapping[Place, Expectation]) -> None:
        """Judge by these expectations from now on."""
        self._expected = dict(expected)
        self._judged.clear()

    def refresh(self, place: Place) -> None:
        """Have an endpoint looked at again soon: it was met anew."""
        self._look(place).due = Seconds(self._clock.now() + FIRST_AFTER)
        self._wake.set()

    async def run(self) -> None:
        """Look at whoever is due until cancelled."""
        while True:
            now = self._clock.now()
            self._plan_lines(now)
            due = [
                (look.due, self._expected[place].bus is not None, place)
                for place, look in self._looks.items()
                if place in self._expected
            ]
            soonest = min(due, default=None)
            if soonest is not None and soonest[0] <= now:
                await self.examine(soonest[2])
                continue
            self._wake.clear()
            wait = EVERY if soonest is None else Seconds(soonest[0] - now)
            await self._sleep(wait)

    async def examine(self, place: Place) -> None:
        """Look at one endpoint now.  What goes wrong is kept as the look's error."""
        look = self._look(place)
        source: object = self._sources.get(place)
        async with self._line_turn if isinstance(source, OnLine) else self._turn:
            look.due = Seconds(self._clock.now() + EVERY)
            if not isinstance(source, Examinable | OnLine):
                return
            try:
                examined = await self._ask(place, source)
            except DeviceError as err:
                look.error = f"{type(err).__name__}: {err.detail or err.verb}"
                return
            except Exception as err:  # noqa: BLE001 - a bug of ours in a driver costs this look only
                _log.exception("%s: the driver failed in examine", place)
                look.error = f"the driver failed: {type(err).__name__}"
                return
            look.examined, look.error = examined, ""
            look.taken_at, look.taken_unix_ns = self._clock.now(), self._clock.unix_ns()
        self._judged.clear()
        self._note_part(place, examined)
        self._note_changes()

    def _plan_lines(self, now: Seconds) -> None:
        """Look at trays on a line also when they were never met: their units may answer elsewhere."""
        for place, expectation in self._expected.items():
            if expectation.bus is not None and place in self._sources:
                self._looks.setdefault(place, _Look(due=now + FIRST_AFTER))

    async def _ask(self, place: Place, source: Examinable | OnLine) -> Examination:
        if isinstance(source, OnLine):
            return Examination(_NOBODY, line=await source.look_along())
        return await source.examine(self._expected.get(place, Expectation()).questions())

    async def write_differing(self, place: Place, only: str = "") -> tuple[list[str], dict[str, EndpointRefused]]:
        """Write the settings that differ and may be written; return the names of those written and those refused.

        `only` names one of them.  Raises TargetUnknown when nothing can be set, and what the device raises but for
        a refusal, which is about one setting.
        """
        source: object = self._sources.get(place)
        look = self._look(place)
        settings = {s.name: s for s in self._expected.get(place, Expectation()).settings}
        wrong = [j.name for j in self.judgements(place) if j.fixable and j.verdict is Verdict.DIFFERS]
        chosen = [name for name in wrong if only in ("", name)]
        if not isinstance(source, Examinable) or look.examined is None or (only and not chosen):
            known = ", ".join(wrong) or "nothing"
            raise TargetUnknown(f"nothing to set at {place} by that name", advice=f"differs and can be set: {known}")
        refused: dict[str, EndpointRefused] = {}
        for name in chosen:
            wrong_ones = [f for f in look.examined.found.get(name, ()) if not is_right(settings[name], f)]
            try:
                for found in wrong_ones:
                    value = value_to_write(settings[name], self._clock.unix_ns())
                    await source.set_value(found.uri, found.pointer, value)
            except LoginRefused:
                raise
            except EndpointRefused as err:
                refused[name] = err
        return [name for name in chosen if name not in refused], refused

    def readiness(self, place: Place) -> Readiness:
        """Return how an endpoint stands, from memory.  Raises TargetUnknown."""
        if place not in self._sources:
            raise TargetUnknown(f"no endpoint {place!r}", advice="see `rackwright endpoint list`")
        look, judgements = self._look(place), self.judgements(place)
        part = PartView()
        if look.examined is not None:
            who = look.examined.identity
            part = PartView(who.serial, who.manufacturer, who.model, who.part_number)
        age = None if look.examined is None else round(self._clock.now() - look.taken_at, 3)
        history = self.parts(place)
        return Readiness(place, self.ready(place), judgements, part, history, look.taken_unix_ns, age, look.error)

    def ready(self, place: Place) -> Ready:
        """Return what the judgements of an endpoint come to."""
        return ready_of(self.judgements(place))

    def ready_word(self, place: Place) -> str:
        """Return the same as a word, empty for an endpoint that nothing is asked of."""
        judgements = self.judgements(place)
        return str(ready_of(judgements)) if judgements else ""

    def blocked_by(self, place: Place) -> list[str]:
        """Return the names of what keeps an endpoint from being ready."""
        return blocking(self.judgements(place))

    def judgements(self, place: Place) -> list[Judgement]:
        """Return every judgement of an endpoint: what it was asked for, its place, and what others add."""
        if not self._judged:
            places, addresses = judge_places(self._claims()), judge_addresses(self._line_claims())
            cables = judge_neighbours(self._cable_claims())
            self._judged = {
                at: [*self._settings(at), *places.get(at, []), *addresses.get(at, []), *cables.get(at, [])]
                for at in self._sources
            }
        return [*self._judged.get(place, []), *(j for extra in self._extras for j in extra(place))]

    def _settings(self, place: Place) -> list[Judgement]:
        look = self._look(place)
        unread = Examination(_NOBODY, {})
        return judge_settings(self._expected.get(place, Expectation()).settings, look.examined or unread)

    def parts(self, place: Place) -> list[PartSeen]:
        """Return the parts that stood at a place, the newest first."""
        text = self._journal.kept(KIND).get(place)
        return msgspec.json.decode(text, type=list[PartSeen]) if text else []

    def _claims(self) -> list[Claim]:
        claims = []
        for place, look in self._looks.items():
            for known in self._expected.get(place, Expectation()).places:
                found = look.examined.found.get(f"place_{known.check.name}", ()) if look.examined else ()
                claims.append(Claim(place, known.check, numbers_in(found), known.expected, known.group))
        return claims

    def _line_claims(self) -> list[LineClaim]:
        """Return a claim for every endpoint of the generation on a line, also for those that nobody reads."""
        claims = []
        for place, expectation in self._expected.items():
            if expectation.bus is not None:
                examined = self._look(place).examined if place in self._sources else None
                look = examined.line if examined is not None else None
                claims.append(LineClaim(place, expectation.bus, look, place in self._sources))
        return claims

    def _cable_claims(self) -> list[CableClaim]:
        """Return a claim for every endpoint of which the site names a neighbour."""
        looked = {place: look.examined.neighbours for place, look in self._looks.items() if look.examined is not None}
        cabled = {place: e.neighbours for place, e in self._expected.items() if e.neighbours}
        return [CableClaim(place, expected, looked.get(place)) for place, expected in cabled.items()]

    def _note_part(self, place: Place, examined: Examination) -> None:
        serial = examined.identity.serial
        if serial is None:
            return
        known, now = self.parts(place), self._clock.unix_ns()
        if known and known[0].serial == serial:
            return
        seen = [PartSeen(serial, now)]
        if known:
            seen.append(msgspec.structs.replace(known[0], until_unix_ns=now))
            text = f"{_name(place)} is another part: serial {serial}, was {known[0].serial}"
            self._tell(Finding(place, "part.swapped", Severity.WARNING, text))
        try:
            self._journal.keep(KIND, place, msgspec.json.encode([*seen, *known[1:]][:MOST_HISTORY]).decode())
        except EnvironmentUnfit:
            _log.exception("%s: its serial number is not written down", place)

    def _note_changes(self) -> None:
        """Tell what became wrong or right since the last look, for every endpoint: a place concerns two of them."""
        for place, look in list(self._looks.items()):  # judging makes looks of those that were not met yet
            if look.examined is None:
                continue
            judgements = self.judgements(place)
            wrong = [j.why for j in judgements if j.name.startswith("place_") and j.verdict is Verdict.DIFFERS]
            self._note_mismatch(place, look, wrong[0] if wrong else "")
            now = tuple(blocking(judgements))
            if now and now != look.was_blocked:
                names = ", ".join(name.replace("_", " ") for name in now)
                text = f"{_name(place)} is not ready: {names}"
                self._tell(Finding(place, "endpoint.not_ready", Severity.WARNING, text))
            elif look.was_blocked and not now:
                self._tell(Finding(place, "endpoint.ready", Severity.OK, f"{_name(place)} is ready"))
            look.was_blocked = now

    def _note_mismatch(self, place: Place, look: _Look, now: str) -> None:
        if now == look.mismatch:
            return
        look.mismatch = now
        if now:
            self._tell(Finding(place, "place.mismatch", Severity.CRITICAL, now))
        else:
            self._tell(Finding(place, "place.agrees", Severity.OK, f"{_name(place)} stands where the site says"))

    def _look(self, place: Place) -> _Look:
        return self._looks.setdefault(place, _Look())

    async def _sleep(self, wait: Seconds) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep_until(Seconds(self._clock.now() + wait)))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait([sleeping, waking], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()


def _name(place: Place) -> str:
    return f"{leaf_of(tray_of(place))} {leaf_of(place)}"
