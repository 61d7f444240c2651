"""A deviation waived on the console: what is waived is shown in full, and who waives it says why."""

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui import ui

from datacenter_api.acceptance.shown import RunView
from datacenter_api.acceptance.waiving import MOST_REASON, waive_as
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button
from datacenter_api.console.found import alike, draw_finding, findings_of
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError

THIS = "this"
ALL = "all"


class WaiveCard:
    """The question that comes up beside a finding, for one viewer who may waive."""

    def __init__(self, services: Services, who: Principal, run: str, waived: Callable[[], None]) -> None:
        """`waived`: called when a waiver was kept."""
        self._services, self._who, self._run, self._waived = services, who, run, waived
        self._seen: tuple[RunView, int] | None = None

    def show(self) -> None:
        """Put the question into the page, unseen until a finding's button is pressed."""
        with ui.dialog() as self._dialog, ui.element("div").classes("card waiver"):
            html("<h2>Waive a deviation</h2>")
            self._told = html()
            self._scope = ui.radio({THIS: "this part"}, value=THIS).props("dense")
            self._reason = ui.textarea("Why it is taken as it is; stands in the report", on_change=self._unsay)
            self._reason.props(f"dense outlined autogrow maxlength={MOST_REASON} counter")
            self._said = html()
            with ui.row():
                button("Waive it", ButtonKind.ACT, self._waive)
                button("Cancel", ButtonKind.LEAVE, self._dialog.close)
        ui.on("waive", self._asked)

    async def _asked(self, event: Any) -> None:
        number = str(event.args)
        if number.isdecimal() and len(number) < 6:
            await self.ask(int(number))

    async def ask(self, number: int) -> None:
        """Show one finding of the run in full, and ask why it is taken as it is."""
        self._seen, self._reason.value = None, ""
        self._say("")
        try:
            view = await asyncio.to_thread(self._services.acceptance.open().show, self._run)
        except RackwrightError as err:
            ui.notify(f"Not known: {err}", type="warning")
            return
        if number >= len(findings_of(view)):
            return
        self._seen = view, number
        found = findings_of(view)[number][1]
        many = alike(view, number)
        scopes = {THIS: f"only {found.place}" if found.place else "this"}
        if many > 1:
            scopes[ALL] = f"all {many} parts that this measure named"
        self._scope.set_options(scopes, value=THIS)
        self._scope.set_visibility(many > 1)
        self._told.set_content(
            f'{draw_finding(view, number)}<p class="quiet">The measured verdict stays what it is. The waiver stands '
            f"beside it in every report, under the name of {esc(self._who.user)}, and cannot be taken back.</p>"
        )
        self._dialog.open()

    async def _waive(self, _event: Any = None) -> None:
        """Waive what was shown, once."""
        if self._seen is None or not self._services.doorkeeper.still_welcome(self._who):
            return
        view, number = self._seen
        step, found = findings_of(view)[number]
        place = "" if self._scope.value == ALL else found.place
        try:
            await waive_as(
                self._services, self._who, self._run, step=step.id, measure=found.measure, place=place,
                reason=self._reason.value or "",
            )  # fmt: skip
        except RackwrightError as err:
            self._say(f"▲ Not waived: {err}")
            return
        self._seen = None
        self._dialog.close()
        ui.notify(f"Waived: {step.id} {found.measure} {place}".rstrip())
        self._waived()

    def _unsay(self, _event: Any = None) -> None:
        self._said.set_content("")

    def _say(self, text: str) -> None:
        self._said.set_content(f'<p class="sev-warning">{esc(text)}</p>' if text else "")
