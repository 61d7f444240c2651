"""All that a run found, for one viewer: searched by words, and shown a page at a time, however much it is."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from datacenter_api.console.acceptance import RunSight
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button
from datacenter_api.console.found import MOST_FOUND, draw_found, draw_heading, findings_of, found_by, page_of
from datacenter_api.console.viewer import html

INPUT = "dense outlined clearable maxlength=120"


class FoundCard:
    """The card.  It is drawn anew only where the run, the words or the page are others."""

    def __init__(self, look: Callable[[], RunSight | None], *, waives: bool) -> None:
        """`look`: returns the run as it is known now; `waives`: the viewer may waive what it found."""
        self._look, self._waives = look, waives
        self._seen: RunSight | None = None
        self._words, self._page = "", 0

    def show(self) -> None:
        """Draw the card, empty until the run is known."""
        with ui.element("div").classes("card foundcard"):
            self._head = html()
            with ui.row().classes("items-center foundtools") as self._tools:
                search = ui.input(placeholder="Search: part, serial number, step, words …", on_change=self._search)
                search.props(f'{INPUT} aria-label="Search what was found"').classes("wide")
                self._before = button("‹ Before", ButtonKind.ASK, lambda: self._turn(-1))
                self._which = html()
                self._after = button("Next ›", ButtonKind.ASK, lambda: self._turn(1))
            self._rows = html()
        self._tools.set_visibility(False)

    def refresh(self) -> None:
        """Draw what is new of the run."""
        sight = self._look()
        if sight is not self._seen:
            self._seen = sight
            self._draw()

    def _search(self, event: Any) -> None:
        self._words, self._page = str(event.value or ""), 0
        self._draw()

    def _turn(self, pages: int) -> None:
        self._page += pages
        self._draw()

    def _draw(self) -> None:
        view = None if self._seen is None else self._seen.view
        if view is None:
            return
        numbers = found_by(view, self._words)
        shown = page_of(numbers, self._page)
        every = len(findings_of(view))
        self._head.set_content(draw_heading(view))
        self._tools.set_visibility(every > MOST_FOUND)
        which = f"{shown.start + 1}–{shown.stop} of {len(numbers)}" if numbers else "none has these words"
        self._which.set_content(f'<span class="quiet" role="status">{which}</span>')
        self._before.set_enabled(shown.start > 0)
        self._after.set_enabled(shown.stop < len(numbers))
        self._page = shown.start // MOST_FOUND
        self._rows.set_content(draw_found(view, [numbers[n] for n in shown], waives=self._waives))
