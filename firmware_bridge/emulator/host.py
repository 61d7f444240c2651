"""One host of a bench under power: it moves along the table of `power` in the bench's time."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from firmware_bridge.emulator.power import MOVES, POWER_CODES, Ask, Power, PowerData


class Agenda(Protocol):
    """Who calls back later, in emulated seconds."""

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` after emulated `seconds`."""
        ...


@dataclass(slots=True)
class Host:
    """A tray's or a shelf's output.  `powered` is whether it draws or gives power; the bench reads it every step."""

    data: PowerData
    agenda: Agenda
    state: Power = Power.ON
    meant_on: bool = True  # what was asked last, and what a restore policy of `last` goes back to
    booted_at: float | None = None  # wall clock, s since 1970: when it last came up; None: before the emulator started
    on_boot: Callable[[], None] = field(default=lambda: None, repr=False)
    asked: Ask | None = None  # the last request that was taken, and when on the machine's monotonic clock
    asked_at: float | None = None
    off_at: float | None = None  # when it last came to be off, on the same clock
    _turn: int = field(default=0, repr=False)  # what was asked before this number no longer counts

    @property
    def powered(self) -> bool:
        """Tell whether it has its load: until it is really off, and not before it is really on."""
        return self.state in (Power.ON, Power.POWERING_OFF)

    @property
    def shown(self) -> int:
        """Return the code of what its BMC says (`POWER_CODES`)."""
        state = self.state
        if self.data.reports == "accepted" and state in (Power.POWERING_OFF, Power.POWERING_ON):
            state = Power.OFF if state is Power.POWERING_OFF else Power.ON
        return POWER_CODES.index(state)

    def ask(self, what: Ask) -> bool:
        """Begin what is asked; False when the host is on its way and refuses."""
        if (self.state, what) not in MOVES:
            return False
        move = MOVES[self.state, what]
        self.asked, self.asked_at = what, time.monotonic()
        if what is not Ask.NMI:
            self.meant_on = what not in (Ask.FORCE_OFF, Ask.GRACEFUL_SHUTDOWN)
        if move is not None:
            self.state = move.through
            self._then(getattr(self.data, move.takes), self._off if move.through is Power.POWERING_OFF else self._on)
            if move.again:
                self._then(getattr(self.data, move.takes) + self.data.dark_s, self._power_on)
        return True

    def put(self, on: bool) -> None:
        """Let it be on or off at once, as by hand: whatever was under way is over."""
        self._turn += 1
        self.meant_on = on
        if on:
            self._on()
        else:
            self._off()

    def cut(self, after: float, restores: str) -> None:
        """Take the power away at once; `after` seconds later the host `restores` on, off or to what was meant last."""
        self._turn += 1
        self._off()
        if restores == "on" or (restores == "last" and self.meant_on):
            self._then(after, self._power_on)

    def _off(self) -> None:
        self.state, self.off_at = Power.OFF, time.monotonic()

    def _on(self) -> None:
        self.state, self.booted_at = Power.ON, time.time()
        self.on_boot()

    def _power_on(self) -> None:
        self.ask(Ask.ON)

    def _then(self, seconds: float, act: Callable[[], None]) -> None:
        turn = self._turn

        def unless_overtaken() -> None:
            if self._turn == turn:
                act()

        self.agenda.later(seconds, unless_overtaken)
