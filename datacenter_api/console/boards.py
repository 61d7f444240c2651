"""What many viewers look at, rendered once: a skeleton, what stands in it, and what changed since the last look.

A board knows nothing of pages or of the fleet; it asks its `look` at most once a period, however many viewers ask it.
"""

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from datacenter_api.console.wording import Cells, changes
from firmware_bridge.vocabulary.units import Seconds

PERIOD_S = 1.0
_EARLY_S = 0.1  # a viewer's timer that is a little early still gets fresh numbers


class Same:
    """These very objects, as part of a key: alike is not enough, and while the key is kept none is replaced unseen."""

    def __init__(self, *objects: object) -> None:
        self._objects = objects

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Same)
            and len(self._objects) == len(other._objects)
            and all(mine is theirs for mine, theirs in zip(self._objects, other._objects, strict=True))
        )

    def __hash__(self) -> int:
        return hash(tuple(id(one) for one in self._objects))


@dataclass(frozen=True, slots=True)
class Look:
    """One thing as it stands now.  The skeleton is drawn anew when `key` changes; `cells` fill it."""

    key: Hashable
    draw: Callable[[], str]
    cells: Cells


@dataclass(frozen=True, slots=True)
class Sheet:
    """One rendering: `epoch` counts skeletons, `version` renderings; `news` is what changed since the version before.

    `news` and `full()` are JSON lists of (element id, what, value), ready to stand in a script.
    """

    epoch: int
    version: int
    html: str
    news: str
    full: Callable[[], str]


class Board:
    """Renders `look` at most once a period and keeps the result for everybody who asks meanwhile."""

    def __init__(self, look: Callable[[Seconds], Look | None], period_s: float = PERIOD_S) -> None:
        self._look, self._period_s = look, period_s
        self._at: Seconds | None = None
        self._key: Hashable = None
        self._cells: Cells = {}
        self._sheet: Sheet | None = None
        self.rendered = 0

    def sheet(self, now: Seconds) -> Sheet | None:
        """Return the newest rendering, None while there is nothing to show."""
        if self._at is None or now - self._at >= self._period_s - _EARLY_S or now < self._at:
            self._at = now
            self._render(now)
        return self._sheet

    def _render(self, now: Seconds) -> None:
        look = self._look(now)
        if look is None:
            return
        self.rendered += 1
        old = self._sheet
        fresh = old is None or look.key != self._key
        news = [] if fresh else changes(self._cells, look.cells)
        self._key, self._cells = look.key, look.cells
        if old is not None and not fresh and not news:
            return
        self._sheet = Sheet(
            epoch=(old.epoch if old else 0) + fresh,
            version=(old.version if old else 0) + 1,
            html=look.draw() if fresh or old is None else old.html,
            news=for_script(news),
            full=_once(lambda: for_script(changes({}, look.cells))),
        )


class Boards:
    """Boards by what they show.  A board lives as long as somebody looks at it."""

    def __init__(self) -> None:
        self._boards: WeakValueDictionary[Hashable, Board] = WeakValueDictionary()

    def get(self, key: Hashable, look: Callable[[Seconds], Look | None], period_s: float = PERIOD_S) -> Board:
        """Return the board of `key`, made with `look` at the first call."""
        board = self._boards.get(key)
        if board is None:
            board = self._boards[key] = Board(look, period_s)
        return board

    def __len__(self) -> int:
        return len(self._boards)


def for_script(news: list[tuple[str, str, str]]) -> str:
    """Return changes as JSON that may stand inside a script element."""
    return json.dumps(news, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", " ").replace("\u2029", " ")


def _once(make: Callable[[], str]) -> Callable[[], str]:
    made: list[str] = []

    def full() -> str:
        if not made:
            made.append(make())
        return made[0]

    return full
