"""Trays as devices: power that takes its time, requests and answers that get lost, controllers that fall silent.

A request that is under way arrives whatever becomes of the process that sent it.
"""

import asyncio
import random
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ActionNotOffered, EndpointRefused, EndpointUnreachable, OutcomeUnknown
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerDepth, PowerSight, PowerState
from support.fake_power import CARRIED, WAS, Fate

_A, _P = PowerAction, PowerState
BUSY = 409
PASSING = (_P.POWERING_ON, _P.POWERING_OFF)
STARTS = (_A.ON, _A.GRACEFUL_RESTART, _A.FORCE_RESTART)
FATES = (Fate.ANSWERED, Fate.ANSWER_LOST, Fate.LOST, Fate.REFUSED, Fate.UNREACHABLE)
WEIGHTS = (76, 8, 6, 5, 5)
FLASH_S, TASK = 25.0, "/tasks/1"
LEAST_W, MOST_W = 400.0, 1_200.0  # what a GPU's limit may be
CONNECT_S, ANSWER_S = 0.5, 2.0  # how long a caller waits before it gives up


@dataclass
class SimTray:
    """One tray.  `careless`: requests and answers get lost on its line."""

    place: Place
    rng: random.Random
    clock: Clock
    state: PowerState
    deaf_to_grace: bool
    has_aux: bool
    restores: bool = False  # comes on by itself when mains return, whatever it was told
    careless: bool = True
    silent_until: float = 0.0
    dark_until: float = 0.0  # until then its mains are away
    starts: int = 1
    started_at: float = 0.0  # when it began to come on last
    version: str = WAS  # of its firmware
    flashed: int = 0  # images that it has begun to write
    flash_ends: float = 0.0
    cap_w: float = MOST_W  # what each of its GPUs may draw
    acted: list[tuple[str, PowerAction]] = field(default_factory=list)
    _goes_to: PowerState | None = None
    _at: float = 0.0

    @property
    def tray(self) -> Place:
        return tray_of(self.place)

    @property
    def offers(self) -> frozenset[PowerAction]:
        return frozenset(_A) if self.has_aux else frozenset(_A) - {_A.AUX_OFF, _A.AUX_CYCLE}

    @property
    def answers(self) -> bool:
        return self.clock.now() >= self.silent_until

    def settle(self) -> PowerState:
        if self._goes_to is not None and self.clock.now() >= self._at:
            self.state, self._goes_to = self._goes_to, None
        return self.state

    def press_button(self) -> None:
        """Let somebody at the rack switch it on."""
        if self.settle() is _P.OFF and self.answers:
            self._go(_P.POWERING_ON, _P.ON)

    def turn_off(self) -> None:
        """Be off, as it was left."""
        self.state, self._goes_to = _P.OFF, None

    def lose_mains(self, until: float, boot_s: float) -> None:
        """Lose power at once, its controller too; both come back, the host only where it restores itself."""
        self.state, self._goes_to, self.dark_until = _P.OFF, None, until
        self.silent_until = until + boot_s
        if self.restores:
            asyncio.get_running_loop().call_at(until, lambda: self._go(_P.POWERING_ON, _P.ON))

    def repair(self) -> None:
        """Give it its auxiliary power back."""
        if self.dark_until <= self.clock.now():
            self.silent_until = min(self.silent_until, self.clock.now())

    def look(self) -> PowerSight:
        state = self.settle()
        depth = PowerDepth.HOST_OFF if state is _P.OFF else PowerDepth.NONE
        return PowerSight(state, depth, self.clock.now(), f"start {self.starts}", self.offers, "1")

    async def take(self, action: PowerAction, key: str) -> PowerAnswer:
        """Take one request as a line carries it.  Raises what a driver raises."""
        if action is _A.AUX_OFF and not self.has_aux:
            raise ActionNotOffered(self.place, "switch_power", "not offered")
        there, back = self.rng.uniform(0.01, 0.2), self.rng.uniform(0.01, 0.2)
        (fate,) = self.rng.choices(FATES, WEIGHTS) if self.careless else (Fate.ANSWERED,)
        if not self.answers or fate is Fate.UNREACHABLE:
            await asyncio.sleep(CONNECT_S)
            raise EndpointUnreachable(self.place, "switch_power", "no connection")
        said: list[bool] = []
        if fate in (Fate.ANSWERED, Fate.ANSWER_LOST):
            asyncio.get_running_loop().call_later(there, lambda: said.append(self._act(action, key)))
        elif fate is Fate.REFUSED:
            said.append(False)
        if fate in (Fate.LOST, Fate.ANSWER_LOST):
            await asyncio.sleep(ANSWER_S)
            raise OutcomeUnknown(self.place, "switch_power", "the connection broke")
        await asyncio.sleep(there + back)
        if self.dark_until > self.clock.now():
            raise OutcomeUnknown(self.place, "switch_power", "the connection broke")
        if not (said and said[0]):
            raise EndpointRefused(self.place, "switch_power", "not now", status=BUSY)
        return PowerAnswer(True, 204, "", str(action))

    def writes(self) -> bool:
        """Return whether it writes an image now; once that is over it runs what the image carried, started anew."""
        if self.flash_ends and self.clock.now() >= self.flash_ends:
            self.flash_ends, self.version = 0.0, CARRIED
            self.starts += 1
        return self.flash_ends > 0.0

    async def take_image(self) -> str:
        """Take an image as a line carries it, and return its task.  Raises what a driver raises."""
        (fate,) = self.rng.choices(FATES, WEIGHTS) if self.careless else (Fate.ANSWERED,)
        if not self.answers or fate is Fate.UNREACHABLE:
            await asyncio.sleep(CONNECT_S)
            raise EndpointUnreachable(self.place, "push_image", "no connection")
        if fate is Fate.REFUSED or self.writes():
            raise EndpointRefused(self.place, "push_image", "not now", status=BUSY)
        await asyncio.sleep(self.rng.uniform(0.1, 0.5))
        if fate in (Fate.ANSWERED, Fate.ANSWER_LOST) and self.answers:
            self.flashed += 1
            self.flash_ends = self.clock.now() + FLASH_S
        if fate is not Fate.ANSWERED:
            await asyncio.sleep(ANSWER_S)
            raise OutcomeUnknown(self.place, "push_image", "the connection broke")
        return TASK

    async def keep_cap(self, watts: float) -> None:
        """Take a limit of its GPUs as a line carries it.  Raises what a driver raises."""
        (fate,) = self.rng.choices(FATES, WEIGHTS) if self.careless else (Fate.ANSWERED,)
        if not self.answers or fate is Fate.UNREACHABLE:
            await asyncio.sleep(CONNECT_S)
            raise EndpointUnreachable(self.place, "ask_values", "no connection")
        await asyncio.sleep(self.rng.uniform(0.02, 0.2))
        if fate in (Fate.ANSWERED, Fate.ANSWER_LOST) and self.answers:
            self.cap_w = watts
        if fate is not Fate.ANSWERED:
            raise OutcomeUnknown(self.place, "ask_values", "the connection broke")

    def _act(self, action: PowerAction, key: str) -> bool:
        state = self.settle()
        if self.dark_until > self.clock.now():
            return False
        if state in PASSING and action is not _A.AUX_OFF:
            return False
        self.acted.append((key, action))
        if action is _A.AUX_OFF:
            self.state, self._goes_to, self.silent_until = _P.OFF, None, float("inf")
        elif action in STARTS:
            if action is not _A.ON or state is _P.OFF:
                self._go(_P.POWERING_ON, _P.ON)
        elif state is not _P.OFF and not (self.deaf_to_grace and action is _A.GRACEFUL_OFF):
            self._go(_P.POWERING_OFF, _P.OFF)
        return True

    def _go(self, through: PowerState, to: PowerState) -> None:
        if through is _P.POWERING_ON:
            self.starts, self.started_at = self.starts + 1, self.clock.now()
        self.state, self._goes_to = through, to
        self._at = self.clock.now() + self.rng.uniform(1.0, 10.0)
