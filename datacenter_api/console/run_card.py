"""What is done about a run on its page: it is ended; one whose process died is gone on with, or given up as it lies.

What each of them does is said first, and racks are named before anything is done to them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import ui

from datacenter_api.acceptance.going_on import give_up_as, go_on_as, stop_run_as
from datacenter_api.acceptance.shown import RunView
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button, show_as
from datacenter_api.console.safety_cards import INPUT
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import PreconditionFailed, RackwrightError

MOST_REASON = 400
GO_ON, GIVE_UP = "Go on with it", "End it as it lies"


class StopRun:
    """One button asks, another does it, a third leaves it be."""

    def __init__(self, services: Services, run: str, who: Principal) -> None:
        self._services, self._run, self._who = services, run, who

    def show(self) -> None:
        """Draw the button; a second press within the page ends the run."""
        self._ask = button("End this run …", ButtonKind.ASK, lambda: self._sure())
        self._do = button("End it: everything goes back to rest", ButtonKind.HARM, self._stop)
        self._not = button("Not now", ButtonKind.LEAVE, lambda: self._sure(asked=False))
        self._told = html()
        self._sure(asked=False)

    def _sure(self, *, asked: bool = True) -> None:
        self._do.set_visibility(asked)
        self._not.set_visibility(asked)
        self._ask.set_visibility(not asked)

    async def _stop(self) -> None:
        who, services = self._who, self._services
        if not services.doorkeeper.still_welcome(who):
            return
        try:
            await stop_run_as(services, who, self._run, "on the console")
        except RackwrightError as err:
            self._told.set_content(f'<p class="sev-warning">▲ {esc(str(err))}</p>')
            return
        self._do.set_visibility(False)
        self._not.set_visibility(False)
        self._told.set_content("<p>● It ends with its next phase.</p>")


class CutRun:
    """Two buttons for one viewer who may begin runs; what is pressed is done once the racks' names were typed."""

    def __init__(self, services: Services, run: str, who: Principal, changed: Callable[[], None]) -> None:
        """`changed`: called when the run goes on, or was given up."""
        self._services, self._run, self._who, self._changed = services, run, who, changed
        self._names, self._does = "", ""

    def show(self) -> None:
        """Draw the buttons, seen while no process has the run, and their question, unseen until one is pressed."""
        with ui.row().classes("cutrun"):
            button("Go on with this run …", ButtonKind.ASK, lambda: self.ask(GO_ON))
            button("Give it up …", ButtonKind.ASK, lambda: self.ask(GIVE_UP))
        with ui.dialog() as self._dialog, ui.element("div").classes("card waiver"):
            self._told = html()
            self._reason = ui.input("Why; stands in the record").props(f"{INPUT} maxlength={MOST_REASON}")
            self._typed = ui.input(placeholder="").props(INPUT)
            self._said = html()
            with ui.row():
                self._do = button(GO_ON, ButtonKind.ACT, self._sure)
                button("Cancel", ButtonKind.LEAVE, self._dialog.close)

    async def ask(self, does: str) -> None:
        """Say what is about to be done to which racks, as the run lies now."""
        try:
            view = await asyncio.to_thread(self._services.acceptance.open().show, self._run)
            if view.running or view.record.outcome is not None:
                raise PreconditionFailed("it goes on" if view.running else "it has ended", advice="see above")
        except RackwrightError as err:
            ui.notify(f"Nothing is asked for: {err}", type="warning")
            self._changed()
            return
        racks = view.record.together.values() or [view.record.rack]
        self._names, self._does = " ".join(rack.rpartition("/")[2] for rack in racks), does
        self._told.set_content(_going_on(view) if does == GO_ON else _giving_up(view))
        self._reason.set_visibility(does == GIVE_UP)
        self._reason.value = self._typed.value = ""
        self._typed.props(f'placeholder="Type {self._names}"')
        show_as(self._do, does, ButtonKind.ACT if does == GO_ON else ButtonKind.HARM)
        self._say("")
        self._dialog.open()

    async def _sure(self, _event: Any = None) -> None:
        """Do what was asked about, once."""
        if not self._does or not self._services.doorkeeper.still_welcome(self._who):
            return
        if " ".join((self._typed.value or "").split()) != self._names:
            self._say(f"▲ Not done: type {self._names} first")
            return
        does, self._does = self._does, ""
        try:
            if does == GO_ON:
                await go_on_as(self._services, self._who, self._run)
            else:
                await give_up_as(self._services, self._who, self._run, (self._reason.value or "").strip())
        except RackwrightError as err:
            self._say(f"▲ Not done: {err}")
            return
        self._dialog.close()
        ui.notify("It goes on." if does == GO_ON else "It is given up. Look at its rack.")
        self._changed()

    def _say(self, text: str) -> None:
        self._said.set_content(f'<p class="sev-warning">{esc(text)}</p>' if text else "")


def _going_on(view: RunView) -> str:
    record = view.record
    stop = view.stop
    ends = f" {esc(stop.actor)} wants it to end: it does so, with its rack back at rest." if stop is not None else ""
    rack = (
        " What it left is put back to rest first; then GPUs are loaded and parts are switched off as its plan says: no "
        "job may run on it."
    )
    return (
        f"<h2>Go on with {esc(record.id)}</h2><p>It goes on where its record ends, after {len(record.steps)} of "
        f"{len(view.steps)} steps; the step that was under way is done again."
        f"{ends or rack * (record.rig == 'live')}</p>{_owed(view)}"
    )


def _giving_up(view: RunView) -> str:
    record = view.record
    with_it = f", with those of the racks beside it ({len(record.together)} runs)" if record.together else ""
    rather = " To have it put back to rest, end the run instead." if record.rig == "live" else ""
    return (
        f"<h2>Give up {esc(record.id)}</h2><p>It ends as stopped, sealed as far as it got{with_it}. Nothing is done to "
        f"its rack any more, and it cannot be gone on with.{rather}</p>{_owed(view)}"
    )


def _owed(view: RunView) -> str:
    return f'<p class="sev-warning">▲ Now {esc(view.owed)}.</p>' if view.owed else ""
