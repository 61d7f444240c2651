"""One open page: where each board is shown on it, and what it must be sent.  Decides nothing about contents."""

from collections.abc import Callable
from dataclasses import dataclass, field

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.boards import PERIOD_S, Board
from datacenter_api.services import Services
from firmware_bridge.vocabulary.units import Seconds


@dataclass
class Sight:
    """A board at one place of one page.  `element` None: the skeleton stands elsewhere, only cells are sent."""

    board: Board
    element: ui.html | None
    tag: str = ""
    epoch: int = 0
    version: int = 0

    def refresh(self, now: Seconds) -> str:
        """Bring the skeleton up to date and return the changes to send, empty when there are none."""
        sheet = self.board.sheet(now)
        if sheet is None or (sheet.epoch, sheet.version) == (self.epoch, self.version):
            return ""
        next_one = sheet.epoch == self.epoch and sheet.version == self.version + 1
        if self.element is not None and sheet.epoch != self.epoch:
            self.element.set_content(sheet.html)
        self.epoch, self.version = sheet.epoch, sheet.version
        return sheet.news if next_one else sheet.full()


@dataclass
class Viewer:
    """Who looks, and at what."""

    services: Services
    who: Principal
    sights: list[Sight] = field(default_factory=list)

    def show(self, board: Board, element: ui.html | None = None, tag: str = "") -> Sight:
        """Begin to show a board; sights with a tag can be told from the others."""
        sight = Sight(board, element, tag)
        self.sights.append(sight)
        return sight

    def start(self, first: Callable[[], None] | None = None) -> None:
        """Send what is there, then what changes, once a second; `first` is called before each time."""

        def tick() -> None:
            if first is not None:
                first()
            self.send()

        ui.timer(PERIOD_S, tick)

    def send(self) -> None:
        """Send what the page does not show yet; an empty message still says that the server lives."""
        if not self.services.doorkeeper.still_welcome(self.who):
            ui.run_javascript("location.assign('/login')")
            return
        now = self.services.now()
        news = [part for sight in list(self.sights) if (part := sight.refresh(now))]
        ui.run_javascript(f"rackwright.apply({','.join(news)})")


def html(content: str = "", classes: str = "") -> ui.html:
    """Put HTML of ours into the page.

    Everything that comes from a device passes `esc` or arrives as text; DOMPurify would strip the SVG's ids.
    """
    return ui.html(content, sanitize=False).classes(classes)
