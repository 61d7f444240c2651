"""What one judgement must have on the disk before its requests leave: its latches and its intents, synced as one.

A sync to disk takes longer than all else between a leak and its strike, so there is one of them and not one per tray.
All of a sheet is written or nothing; every change carries the epoch of this controller (see `run/operate/ledger.py`).
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.errors import EnvironmentUnfit, RackwrightError
from rack_controller.run.operate.ledger import Change, Ledger

_log = logging.getLogger(__name__)

Settle = Callable[[RackwrightError | None], object]
"""Hears that a change is on the disk, or why it is not: EnvironmentUnfit (the journal refused), or PreconditionFailed
(a successor has taken over)."""


@dataclass(slots=True)
class Sheet:
    """The changes of one rack's guard.  Outside `together` each is written at once."""

    ledger: Ledger
    _lines: list[tuple[Change, Settle]] | None = None
    _next: list[tuple[Callable[[], object], Callable[[], object]]] = field(default_factory=list)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write everything that is written in the block when it ends, also when it ends by a bug of ours."""
        if self._lines is not None:
            yield
            return
        self._lines = []
        try:
            yield
        finally:
            lines, self._lines = self._lines, None
            acts, self._next = deque(self._next), []
            try:
                self._sync(lines)
                while acts:
                    acts.popleft()[0]()
            finally:
                for _, drop in acts:
                    drop()

    def then(self, act: Callable[[], object], drop: Callable[[], object]) -> None:
        """Call `act`, which raises nothing, once what is written so far is on the disk, or is known not to be; `drop`
        instead where this process ends before that."""
        if self._lines is None:
            act()
        else:
            self._next.append((act, drop))

    def write(self, change: Change, settle: Settle) -> None:
        """Have `change` written; `settle` is called once, when it is or when it is not.  Never raises."""
        if self._lines is None:
            self._sync([(change, settle)])
        else:
            self._lines.append((change, settle))

    def _sync(self, lines: list[tuple[Change, Settle]]) -> None:
        if not lines:
            return
        refused: RackwrightError | None = None
        try:
            self.ledger.write([change for change, _ in lines])
        except RackwrightError as err:
            refused = err
        except Exception as err:  # noqa: BLE001 - logged whole; a bug of ours stops no strike, as a full disk does not
            _log.exception("the journal was not written")
            refused = EnvironmentUnfit(f"a bug of the controller ({type(err).__name__}): its journal was not written")
        for _, settle in lines:
            settle(refused)
