"""Who gives a live rack its stimuli: the product by its own verbs, an emulator in place of hands, people.

The product comes first: its role, interlocks and refusals apply.  People are shown the way by the tray's locate light.
"""

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from firmware_bridge.vocabulary.errors import CommandRefused, DeadlinePassed, RackwrightError
from rack_controller.acceptance.called import Names
from rack_controller.acceptance.emulated import EmulatedHands
from rack_controller.acceptance.live import UNDOES, Now, Read, by_series
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.watch import Watch
from rack_controller.prove.accept.evidence import FactValue
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.robust import centre

NAN = float("nan")
LOOK_S = 0.5
BOOTS_S = 600.0
"""How long trays are switched on again and again after mains: their controllers boot for minutes, and until they speak
their leak detectors are blind, which keeps them off."""
_OPERATIONS: Mapping[tuple[str, str], str] = {
    ("pull", "psu"): "psu_off",
    ("restore", "psu"): "psu_on",
    ("pull", "shelf"): "shelf_off",
    ("restore", "shelf"): "shelf_on",
    ("pull", "tray"): "off",
    ("restore", "tray"): "on",
    ("power_on", ""): "on",
}
"""Operations of the product by what is to be done to which kind of part."""
_VERBS = frozenset({"cap", "uncap", "drill", "end_drill", *(verb for verb, kind in _OPERATIONS if not kind)})
_OWN = frozenset({verb for verb, _ in _OPERATIONS})
_TASKS = {
    "pull": "pull {place}, or switch it off",
    "restore": "put {place} back, or switch it on",
    "stop": "stop {place}",
    "start": "start {place}",
    "wet": "wet the leak detector {place}",
    "dry": "dry the leak detector {place}",
    "load": "bring every GPU to {percent:.0f} % of its load",
    "load_one": "bring {place} to {percent:.0f} % of its load, and let all other GPUs idle",
    "unload": "end the load of every GPU",
    "cycle_ac": "switch both feeds off at their breakers, and on again after ten seconds",
    "facility": "make the facility's water {value:g} K warmer than usual",
    "facility_usual": "let the facility's water be as warm as usual again",
    "restart_controller": "end the rack's controller, and start it again",
}
"""What people are told to do."""
_OFF = frozenset({"off", "isolate", "isolated"})
"""Words by which the product says that a tray loses its power."""
_SILENT = frozenset({"unload", "load_one", "cycle_ac", "facility", "facility_usual", "restart_controller"})
"""What no reading shows, or what readings are to prove: somebody must say that it is done."""
_GONE, _BACK, _NEAR = 0.2, 0.5, 0.15
"""Shares of what a part showed before: below it is gone, above it is back; and how near a load must be."""


def operation_of(act: Act, kind: str) -> str:
    """Return the operation by which the product does this to a part of a kind (empty: the rack), empty for none."""
    return _OPERATIONS.get((act.verb, kind), "")


class Verbs(Protocol):
    """What the product is asked to do."""

    def readings(self) -> list[Read]:
        """Return every reading of the rack."""
        ...

    def armed(self) -> bool:
        """Return whether the rack's interlocks act."""
        ...

    def rehearse(self, detector: str) -> tuple[bool, list[str]]:
        """Return whether the rack is armed, and what would follow at once if a detector said Critical."""
        ...

    def command(self, verb: str, target: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        ...

    def operate(self, do: str, target: str, *, again_s: float = 0.0, back: bool = False, **more: Any) -> None:
        """Have an operation planned, approved and done, anew for `again_s` when it fails.

        Where the run is to end it is cancelled, but for what puts the rack `back`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProductDoes:
    """The product's own verbs.  `tell` takes what a stimulus brings to light: place, fact and value."""

    product: Verbs
    parts: Parts
    tell: Callable[[str, str, FactValue], None]

    def can(self, act: Act, kind: str) -> bool:
        """Return whether the product has a verb for it."""
        if act.verb in _VERBS:
            return True
        return (act.verb, kind) in _OPERATIONS if act.place else act.verb in _OWN

    def do(self, act: Act, kind: str) -> float:
        """Do it and wait until it is done.  Raises with the product's reason."""
        if act.verb == "cap":
            return self._cap(act.value)
        if act.verb == "uncap":
            self.product.command("limit", "", clear=True, each=True)
        elif act.verb == "drill":
            self._drill(act.place)
        elif act.verb == "power_on":
            self.product.operate(_OPERATIONS[act.verb, kind], act.place, again_s=BOOTS_S, back=True)
        elif act.verb != "end_drill":  # of a rehearsal nothing is left to be ended
            self.product.operate(_OPERATIONS[act.verb, kind], act.place, back=act.verb in UNDOES)
        return NAN

    def _cap(self, share: float) -> float:
        design = self.parts.design
        watts = float(max(share * design.limit_max, design.limit_min))
        rows = self.product.command("limit", "", watts=watts, each=True)["limits"]
        bad = [r for r in rows if r["state"] == "refused"]
        if rows and len(bad) == len(rows):
            raise CommandRefused(f"no limit was taken: {bad[0]['detail']}")
        return watts  # what one device did not take is found by what it reads back

    def _drill(self, tray: str) -> None:
        """Note whether the controller would switch a tray off if its first detector were wet.  Nothing trips."""
        detector = next((p for p in self.parts.of("leak") if p.startswith(tray + "/")), "")
        if not detector:
            raise CommandRefused(f"{tray} has no leak detector")
        armed, texts = self.product.rehearse(detector)
        off = any(_names(text, tray) and _OFF & set(text.split()) for text in texts)
        self.tell(tray, "isolates", off if armed or not off else "only told: the rack is not armed")


@dataclass(frozen=True, slots=True)
class EmulatorDoes:
    """What an emulated rack's emulator does in place of hands."""

    hands: EmulatedHands
    parts: Parts

    def can(self, act: Act, kind: str) -> bool:
        """Return whether the emulator can stand in."""
        return self.hands.can(act.verb, kind)

    def do(self, act: Act, kind: str) -> float:
        """Do it at once; a feed is pulled at every supply that hangs on it."""
        fed = [p for p in self.parts.of("psu") if self.parts.phase_of(p).startswith(f"{act.place}/")]
        for place in fed if kind == "feed" else [act.place]:
            self.hands.do(replace(act, place=place))
        return NAN


@dataclass(frozen=True, slots=True)
class ControllerRestarts:
    """Ends the controller of a product that runs on this machine; whoever supervises it starts it again."""

    state: Path

    def can(self, act: Act, kind: str) -> bool:
        """Return whether the controller runs here."""
        return act.verb == "restart_controller" and self._pid() > 0

    def do(self, act: Act, kind: str) -> float:
        """Tell it to end."""
        pid = self._pid()
        if pid <= 0:
            raise CommandRefused("no controller runs here", advice="see `rackwright doctor`")
        os.kill(pid, signal.SIGTERM)
        return NAN

    def _pid(self) -> int:
        """Return the controller's pid, 0 when it is not known or somebody else's by now."""
        try:
            pid = int(msgspec.json.decode((self.state / "ready.json").read_bytes())["pids"]["controller"])
            return pid if b"rack_controller" in Path(f"/proc/{pid}/cmdline").read_bytes() else 0
        except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError):
            return 0


@dataclass(frozen=True, slots=True)
class PeopleDo:
    """People: told what to do, shown where, and waited for; `said` tells whether somebody says it is done since then.

    `unarmed` wetting only: an armed rack would switch trays off.
    """

    product: Verbs
    parts: Parts
    now: Now
    watch: Watch
    ask: Callable[[str], None]
    said: Callable[[float], bool] = lambda since: False
    patience_s: float = 600.0
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        """Look up the names of readings once."""
        object.__setattr__(self, "names", Names(self.parts))

    def can(self, act: Act, kind: str) -> bool:
        """Return whether people can be asked for it."""
        return act.verb in _TASKS

    def do(self, act: Act, kind: str) -> float:
        """Have them do it.  Raises DeadlinePassed when neither a reading nor anybody says that it was done.

        When the run is to end nobody is waited for: what is done to the rack is undone later, and what undoes it is
        refused, so that it stays owed.
        """
        if act.verb == "wet" and self.product.armed():
            raise CommandRefused(
                f"{act.place} is not wetted: the rack's interlocks act, and would switch its tray off",
                advice="test detectors before the rack is armed",
            )
        text = _TASKS[act.verb].format(place=act.place, percent=100.0 * act.value, value=act.value)
        before = self._look()
        self._light(act.place, on=True)
        try:
            self._wait(act, text, before)
        finally:
            self._light(act.place, on=False)
        return NAN

    def _wait(self, act: Act, text: str, before: dict[str, dict[str, float]]) -> None:
        began = self.now.clock()
        shows = "somebody to say that it is done" if act.verb in _SILENT else "readings that show it, or an answer"
        self.watch.waits(shows, asks=text, within_s=self.patience_s)
        self.ask(text)
        while not self.said(began) and not self._shows(act, before):
            if self.watch.stop():
                if act.verb in UNDOES:
                    raise CommandRefused(f"nobody is waited for, as the run is to end: {text}")
                return
            if self.now.clock() - began >= self.patience_s:
                raise DeadlinePassed(f"nothing was seen of it and nobody said it was done: {text}")
            self.now.sleep(LOOK_S)

    def _light(self, place: str, *, on: bool) -> None:
        tray = place.partition("/")[0]
        if self.parts.kind_of(tray) in {"tray", "switch"}:
            with suppress(RackwrightError):  # a light that does not work holds nobody up
                self.product.command("locate", tray, on=on)

    def _look(self) -> dict[str, dict[str, float]]:
        return by_series(self.product.readings(), self.names)[0]

    def _shows(self, act: Act, before: dict[str, dict[str, float]]) -> bool:
        if act.verb in _SILENT:
            return False
        now = self._look()
        if act.verb == "load":
            design = self.parts.design
            want = design.gpu_idle + act.value * (design.gpu_max - design.gpu_idle)
            drawn = centre(np.array(list(now.get("gpu.power", {}).values())))
            return bool(abs(drawn - want) <= _NEAR * want)
        if act.verb in {"wet", "dry"}:
            return (now.get("leak.state", {}).get(act.place, 0.0) > 0.5) == (act.verb == "wet")
        kind = self.parts.kind_of(act.place)
        name = "pump.speed" if kind == "pump" else f"{kind}.power"
        had, has = before.get(name, {}).get(act.place, np.nan), now.get(name, {}).get(act.place, np.nan)
        if act.verb in {"pull", "stop"}:
            return not has > _GONE * had
        return bool(has > _BACK * centre(np.array(list(now.get(name, {}).values()))))


def _names(text: str, tray: str) -> bool:
    """Return whether a text names a tray as a word of its own."""
    return tray in text.replace(",", " ").replace(":", " ").replace("/", " ").split()
