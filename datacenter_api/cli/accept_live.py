"""`rackwright accept run --rack …`: what is said before racks that run are accepted, and how their runs go on."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datacenter_api.cli.accept_signed import V1
from datacenter_api.cli.connection import Connection, quoted
from datacenter_api.cli.op import short
from datacenter_api.cli.output import Output, Row, answer, emit, note
from datacenter_api.cli.tray_power import confirm
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit, RackTaken

PLAN = "/api/v1/acceptance/plan"
FOLLOW_S = 1.0
DOES = "A run loads GPUs, limits them and switches parts off and on as its plan says: no job may be on them"
Told = Callable[[Any, str], None]
"""Takes a step that ended and, of racks together, whose it is."""


def wish_of(racks: Sequence[str], level: str, name: str, file: Path | None) -> Row:
    """Return what the API is asked for: one rack, or several together, by a plan's name or text."""
    wish: Row = {"racks": list(racks)} if len(racks) > 1 else {"rack": racks[0]}
    wish |= {"level": level} if level else {}
    return wish | ({"plan": name} if name else {"plan_text": _text_of(file)} if file else {})


def ask_before(api: Connection, wish: Row, yes: bool) -> None:
    """Say what a run does to a rack, and what of its plan nothing there tells; return once somebody wants it.

    Raises RackTaken where another run has a rack.
    """
    racks = racks_of(wish)
    looked = look_over_api(api, wish)
    if looked.taken:
        first = looked.taken[0]
        what = "; ".join(holder.what for holder in looked.taken)
        raise RackTaken(what, rack=first.rack, run=first.run, advice=first.advice)
    said = say_lacks(looked, racks, note)
    if not yes:
        more = ["A plan of what it tells (--plan short or FILE), or a virtual run, has none of them"] if said else []
        confirm(" ".join(racks), ". ".join([*said, *more, DOES]))
    elif said:
        note("\n".join(said))


def say_lacks(looked: Any, racks: Sequence[str], say: Callable[[str], None]) -> list[str]:
    """Say what the floor is to hand in, and return in words what the run before left at the racks, which latches stand
    there, what nothing there tells and why they are held."""
    from rack_controller.acceptance.preview import CLEAR_IT, RackLacks
    from rack_controller.prove.accept.untold import in_words, wanted_of_floor

    said = [f"{left.what}: {left.advice}" for left in looked.left]
    said += [f"{latch}: {CLEAR_IT}" for latch in looked.latched]
    for lacks in looked.racks or [RackLacks(racks[0], looked.untold, looked.floor)]:
        of = f"{short(lacks.rack)}: " if looked.racks else ""
        if asked := wanted_of_floor(lacks.floor):
            say(of + asked)
        said += [of + text for text in (in_words(lacks.untold), lacks.held) if text]
    return said


def racks_of(wish: Row) -> list[str]:
    """Return the racks of a wish, in the order of asking."""
    return list(wish.get("racks") or [wish["rack"]])


def look_over_api(api: Connection, wish: Row) -> Any:
    """Return what a run would do and lack, and which run has its racks now (`RunPreview`)."""
    import msgspec

    from rack_controller.acceptance.preview import RunPreview

    racks, level = racks_of(wish), wish.get("level")
    if "plan_text" in wish:
        body: Row = {"racks": racks, "plan_text": wish["plan_text"]} | ({"level": level} if level else {})
        looked = api.post(PLAN, body)
    else:
        looked = api.get(PLAN, rack=racks, level=level, plan=wish.get("plan"))
    return msgspec.convert(looked, RunPreview)


def begin_over_api(api: Connection, wish: Row, left: Output | None, told: Told) -> list[Any]:
    """Begin a live run and follow it to its end; returns the record of each rack, none where it is `left` alone."""
    return follow(api, api.post(V1, wish), "has begun", left, told)


def go_on_over_api(api: Connection, run: str, left: Output | None, told: Told) -> list[Any]:
    """Go on with a live run that was cut, as `begin_over_api` does with one that was begun."""
    return follow(api, api.post(f"{V1}/{quoted(run)}/go-on", {}), "goes on", left, told)


def follow(api: Connection, begun: Row, does: str, left: Output | None, told: Told) -> list[Any]:
    """Follow a run that the API answered, which `does` what was asked for.

    Returns the record of each rack, none where it is left alone: then which runs have begun is the answer, as `left`.
    """
    runs: dict[str, str] = begun.get("together") or {begun["id"]: ""}
    for run, rack in runs.items():
        of = f" of {short(rack)}" if rack else ""
        text = f"run {run}{of} {does}; its screen: {api.server.url}/console/test-floor/{run}"
        note(text) if left is None else answer(text, left)
    if left is not None:
        if not left.is_table:
            emit([{"id": run, "rack": rack} for run, rack in runs.items()], (), left, name="id")
        return []
    followed = [_Follow(api, run, rack, told) for run, rack in runs.items()]
    while True:
        records = [one.look() for one in followed]
        if all(record.outcome is not None for record in records):
            return records
        time.sleep(FOLLOW_S)


class _Follow:
    """One run that goes on: what is new of it is told."""

    def __init__(self, api: Connection, run: str, rack: str, told: Told) -> None:
        self._api, self._run, self._rack, self._told = api, run, rack, told
        self._steps, self._asked = 0, ""

    def look(self) -> Any:
        """Tell what is new, and return the record.  Raises EnvironmentUnfit where its process ended before it did."""
        import msgspec

        from rack_controller.acceptance.record import RunRecord

        view = self._api.get(f"{V1}/{quoted(self._run)}")
        record = msgspec.convert(view["record"], RunRecord)
        for step in record.steps[self._steps :]:
            self._told(step, self._rack)
        self._steps = len(record.steps)
        asks = view["now"]["asks"] if view["now"] else ""
        if asks and asks != self._asked:
            note(f"please{f', at {short(self._rack)}' if self._rack else ''}: {asks}")
        self._asked = asks
        if record.outcome is None and view["trouble"] and not view["running"]:
            raise EnvironmentUnfit(
                f"the run's process has ended: {view['trouble']}",
                advice=f"go on with it: `rackwright accept run --resume {self._run}`",
            )
        return record


def _text_of(plan: Path) -> str:
    try:
        return plan.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {plan}: {err}", advice="name an acceptance plan, in UTF-8") from err
