"""The running product as a live run sees and uses it: readings, what parts say of themselves, and its own verbs.

Every verb goes the way of everybody's: with the role of whoever began the run, interlocks and refusals applying.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from firmware_bridge.vocabulary.errors import CommandRefused, DeadlinePassed, NotReadYet, PreconditionFailed
from rack_controller.acceptance.live import Read
from rack_controller.prove.accept.evidence import FactValue

MOST_READINGS, MOST_PARTS = 20_000, 10_000
STOCK_WITHIN_S, STOCK_LOOK_S = 60.0, 4
"""How long what the rack's endpoints are made of is waited for, and how long one question about it waits."""
READ_AT_ONCE = 8
"""Endpoints whose reports are made side by side: each is a device of its own with one look at a time, but the rack's
controller reads leaks and power meanwhile."""
LOOK_S = 1.0
OPERATION_WITHIN_S = 1800.0
PATIENT_S = 120.0
"""How long a refusal that may pass (something else is switched just now) is waited out."""
AGAIN_S = 10.0
"""How long until an operation that failed is planned anew, where what it failed of passes."""
LOOKS_WITHIN_S = 30.0
"""How long a look at an endpoint's settings that fails is tried again."""
_DONE, _ENDED, _HELD = "done", ("failed", "cancelled"), "held"
Facts = Mapping[str, Mapping[str, FactValue]]
Waits = Callable[[str], None]
_LISTED = frozenset({"serial", "part", "firmware"})
"""What endpoints' inventories tell."""


class Link(Protocol):
    """The way to the API."""

    def get(self, path: str, **query: Any) -> Any:
        """Return the decoded answer to a GET."""
        ...

    def post(self, path: str, body: Any) -> Any:
        """Return the decoded answer to a POST."""
        ...


@dataclass
class ProductOverApi:
    """One rack of the product.  `place` is its place, `waits` is told what is waited for.

    `ended` returns why the run is to end: nothing is waited for then but what puts the rack back.
    `part_of`: which part an entry of an endpoint's firmware inventory is of, empty for one that is of none by itself.
    """

    link: Link
    rack: str
    place: str
    waits: Waits = lambda reason: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    part_of: Callable[[str, str], str] = lambda endpoint, firmware: ""
    ended: Callable[[], str] = lambda: ""
    _facts: dict[str, dict[str, FactValue]] = field(default_factory=dict)

    def readings(self) -> list[Read]:
        """Return every reading of the rack."""
        rows = self.link.get(self._path("readings"), limit=MOST_READINGS)
        return [
            Read(self._below(r["place"]), r["quantity"], r["value"], r["unit"], r.get("age_s") or 0.0) for r in rows
        ]

    def facts(self, wanted: Collection[str]) -> Facts:
        """Return what its parts say of themselves; asked for anew is only what is wanted.

        `serial` and `part` are what its endpoints' inventories list, `version` what the system behind an endpoint runs,
        `firmware` all that its inventory lists; anything else is a setting, looked at now.  Where the run is to end it
        is what came until then.
        """
        asked = set() if self.ended() else set(wanted)
        rows = [row for row in self.link.get(self._path("endpoints")) if row["enabled"]] if asked else []
        if asked & _LISTED:
            reports = self._reports([str(row["place"]) for row in rows])
            self._merge(self._sides(self._stock()))
            for place, report in reports.items():
                self._firmware(self._below(place), () if report is None else report["firmware"])
        for number, row in enumerate(rows if asked - _LISTED else ()):
            if self.ended():
                break
            if asked - _LISTED - {"version"}:
                self.waits(f"settings: {number} of {len(rows)} endpoints were looked at")
            self._endpoint(row, asked)
        return self._facts

    def built(self) -> Facts:
        """Return part and serial numbers of its as-built records, none when none were handed in."""
        if self.place not in {r["rack"] for r in self.link.get("/api/v1/passports")}:
            return {}
        parts = self.link.get(f"/api/v1/passports/{quote(self.place)}", limit=MOST_PARTS)["parts"]
        # Of its own serial number nobody in a rack tells: its record is of what integration did to it.
        return self._sides([part for part in parts if part["place"] != self.place])

    def armed(self) -> bool:
        """Return whether the rack's interlocks act."""
        return bool(self.link.get(self._path("interlocks"))["armed"])

    def rehearse(self, detector: str) -> tuple[bool, list[str]]:
        """Return whether the rack is armed, and what would follow at once if a detector said Critical.

        Nothing trips: the product's own test injection looks and does nothing.
        """
        told = self.link.get(self._path("interlocks/test"), place=f"{self.place}/{detector}")
        return bool(told["armed"]), [text for trip in told["trips"] for text in trip["at_once"]]

    def command(self, verb: str, target: str, **arguments: Any) -> dict[str, Any]:
        """Send a command, below the rack (empty: to it), and return its result.  Raises what the product answers."""
        wish = {"verb": verb, "target": f"{self.place}/{target}" if target else self.place, "arguments": arguments}
        result: dict[str, Any] = self.link.post(self._path("commands"), wish)["result"]
        return result

    def operate(self, do: str, target: str, *, again_s: float = 0.0, back: bool = False, **more: Any) -> None:
        """Have an operation planned, approved and done; one that fails is planned anew for `again_s`, s.

        What is refused because something else is switched just now is asked again for a while.  Where the run is to end
        it is cancelled, but for one that puts the rack `back`.  Raises CommandRefused with the product's reason,
        DeadlinePassed when it does not end.
        """
        until, ended = self.clock() + again_s, _goes_on if back else self.ended
        while True:
            try:
                return self._operate(do, target, ended, **more)
            except CommandRefused as err:
                if self.clock() >= until or ended():
                    raise
                self.waits(f"{do} of {target or 'the rack'} once more: {err.what}")
                self.sleep(AGAIN_S)

    def _operate(self, do: str, target: str, ended: Callable[[], str], **more: Any) -> None:
        until = self.clock() + PATIENT_S
        while True:
            try:
                made = self.command("plan", target, do=do, reason="acceptance", **more)
                break
            except PreconditionFailed as err:
                if self.clock() >= until or ended():
                    raise
                self.waits(f"{do} of {target or 'the rack'}: {err.what}")
                self.sleep(5 * LOOK_S)
        name = str(made["operation"])
        if not made["plan"]["stages"]:
            self.command("cancel", "", operation=name)
            return
        self.command("approve", "", operation=name)
        self._follow(name, ended)

    def _follow(self, name: str, ended: Callable[[], str]) -> None:
        until = self.clock() + OPERATION_WITHIN_S
        while True:
            at = self.link.get(self._path(f"operations/{name}"))
            if at["state"] == _DONE:
                return
            if at["state"] in _ENDED or at["state"] == _HELD:
                raise CommandRefused(f"operation {name} is {at['state']}: {at['summary'] or _waiting(at)}")
            if ended():
                with suppress(CommandRefused):  # it may have ended by itself just now
                    self.command("cancel", "", operation=name)
                raise CommandRefused(f"operation {name} is cancelled, as the run is to end")
            if self.clock() >= until:
                raise DeadlinePassed(f"operation {name} did not end within {OPERATION_WITHIN_S:g} s")
            self.waits(f"operation {name}: {_waiting(at)}")
            self.sleep(LOOK_S)

    def _endpoint(self, row: Mapping[str, Any], asked: set[str]) -> None:
        """Add what an endpoint tells; what it does not say stays unknown."""
        place = str(row["place"])
        here = self._below(place)
        if "version" in asked and row["version"]:
            self._merge({here: {"version": row["version"]}})
        if asked - _LISTED - {"version"}:
            self._settings(place, here)

    def _firmware(self, endpoint: str, items: Sequence[Mapping[str, Any]]) -> None:
        """Add an endpoint's firmware: of its own part where it is known to be of one, else by the entry's name."""
        for item in items:
            place = self.part_of(endpoint, str(item["id"])) or f"{endpoint}/{item['id']}"
            self._merge({place: {"firmware": item["version"]}})

    def _checked(self, place: str, here: str) -> Mapping[str, Any] | None:
        """Return what an endpoint is judged to be like now, None where nothing is known or no look comes about."""
        until = self.clock() + LOOKS_WITHIN_S
        while True:
            try:
                self.command("check", here)
                ready: Mapping[str, Any] = self.link.get("/api/v1/endpoints/readiness", place=place)
            except CommandRefused:
                return None  # nothing is known of its settings: a host's agent, a unit on a serial line
            if not ready.get("error"):
                return ready
            if self.clock() >= until or self.ended():
                return None  # what an older look found says nothing of now
            self.waits(f"the settings of {here}: {ready['error']}")
            self.sleep(LOOK_S)

    def _settings(self, place: str, here: str) -> None:
        ready = self._checked(place, here)
        if ready is None:
            return
        if ready["judgements"]:
            self._merge({here: {"password": "own"}})
        # What differs comes last: a tray that one property places elsewhere is not where another says.
        for judged in sorted(ready["judgements"], key=lambda j: bool(j["verdict"] == "differs")):
            self._merge(_take(judged, here))

    def _merge(self, said: Facts) -> None:
        for place, facts in said.items():
            self._facts.setdefault(place, {}).update(facts)

    def _reports(self, places: Sequence[str]) -> dict[str, Any]:
        """Return the stock report of each endpoint, None where it has none; some are read at a time, none in turn."""
        told: dict[str, Any] = {}
        since: dict[str, float] = {}  # when an endpoint that is being read was asked first
        while True:
            for place in places:
                if place in told or (place not in since and len(since) >= READ_AT_ONCE):
                    continue
                try:
                    told[place] = self.link.get("/api/v1/endpoints/report", place=place, at_once="true")
                except NotReadYet:
                    if self.clock() - since.setdefault(place, self.clock()) < PATIENT_S:
                        continue
                    told[place] = None
                except CommandRefused:
                    told[place] = None
                since.pop(place, None)
            if len(told) == len(places) or self.ended():
                return told
            self.waits(f"inventories: {len(told)} of {len(places)} reports are in")
            self.sleep(LOOK_S)

    def _stock(self) -> list[dict[str, Any]]:
        """Return the rack's parts with their serial and part numbers, once what is being read of them has come."""
        until = self.clock() + STOCK_WITHIN_S
        while True:
            began = self.clock()
            wait_s = 0 if self.ended() else STOCK_LOOK_S
            rows: list[dict[str, Any]] = self.link.get(f"/api/v1/passports/{quote(self.place)}/found", wait_s=wait_s)
            if self.clock() - began < STOCK_LOOK_S or self.clock() >= until or self.ended():
                return rows  # an answer before its time lacks nothing that is being read
            self.waits("serial and part numbers of the rack's parts")

    def _sides(self, rows: list[dict[str, Any]]) -> dict[str, dict[str, FactValue]]:
        return {self._below(r["place"]): {"serial": r.get("serial"), "part": r.get("part")} for r in rows}

    def _below(self, place: str) -> str:
        return place.removeprefix(self.place + "/")

    def _path(self, view: str) -> str:
        return f"/api/v1/racks/{quote(self.rack)}/{view}"


def _goes_on() -> str:
    """Return that nothing ends it."""
    return ""


def _waiting(operation: Mapping[str, Any]) -> str:
    wait = operation.get("wait")
    return str(wait["reason"]) if wait else str(operation["state"])


def _take(judged: Mapping[str, Any], endpoint: str) -> Facts:
    """Return a judgement of the product as facts; what an endpoint does not say stays unknown."""
    name, found = str(judged["name"]), str(judged["found"])
    if judged["verdict"] == "unknown":
        return {}
    if name == "clock":
        return {endpoint: {"clock_offset_s": float(found.split(",")[0].removesuffix("s").strip())}}
    if name == "password":
        return {endpoint: {"password": "default" if found == "factory" else found}}
    if name.startswith("place_"):
        tray = endpoint.partition("/")[0]
        right = judged["verdict"] == "ok"
        return {tray: {"slot": tray}} if right else {tray: {"slot": f"not here: {judged['why'] or found}"}}
    return {endpoint: {name: {"yes": True, "no": False}.get(found, found)}}
