"""A run begun on the console: rack, level and plan are chosen, what it will do is shown, the rack's name is typed."""

import asyncio
from typing import Any

from nicegui import ui

from datacenter_api.acceptance.beginning import begin_run_as
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.acceptance import floor_href, run_href
from datacenter_api.console.preview import draw_preview
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from datacenter_api.fleet.places import layout_of
from datacenter_api.fleet.queries import readings
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.acceptance.plans import plan_names
from rack_controller.prove.accept.plan import Level

INPUT = "dense outlined maxlength=64"
WHOLE = "whole plan"


class BeginCard:
    """The card for one viewer who may begin runs."""

    def __init__(self, services: Services, who: Principal, rack: str = "") -> None:
        """`rack`: which one is chosen at first."""
        self._services, self._who, self._first = services, who, rack
        self._seen: tuple[str, str, str] | None = None

    def show(self) -> None:
        """Draw the card; without a rack whose design has a plan it says so."""
        html("<h2>Begin a run</h2>")
        racks = [r.token for r in self._services.fleet if r.layout is not None]
        if not racks:
            html('<p class="quiet">No rack is known yet.</p>')
            return
        chosen = self._first if self._first in racks else racks[0]
        with ui.row().classes("items-center"):
            self._rack = ui.select(racks, value=chosen, label="Rack", on_change=self._other_rack).props(
                "dense outlined"
            )
            self._level = ui.select([str(x) for x in Level if x is not Level.L12], value="L11", label="Up to")
            self._level.props("dense outlined").style("min-width: 6rem").on_value_change(self._forget)
            self._plan = ui.select([WHOLE], value=WHOLE, label="Plan").props("dense outlined")
            self._plan.style("min-width: 10rem").on_value_change(self._forget)
            ui.button("Show what it will do", on_click=self._preview).props("flat dense no-caps")
        self._told = html()
        with ui.row().classes("items-center") as self._asked:
            self._typed = ui.input(placeholder="").props(INPUT)
            ui.button("Begin it", on_click=self._begin).props("flat dense no-caps")
            ui.button("Cancel", on_click=self._forget).props("flat dense no-caps")
        self._asked.set_visibility(False)
        self._other_rack()

    @property
    def _wish(self) -> tuple[str, str, str]:
        plan = str(self._plan.value or "")
        return str(self._rack.value or ""), str(self._level.value or "L11"), "" if plan == WHOLE else plan

    def _other_rack(self, _event: Any = None) -> None:
        """Offer the plans of the rack's design."""
        try:
            record = self._services.fleet.find(str(self._rack.value))
            names = plan_names(layout_of(record).generation)
        except RackwrightError:
            names = []
        self._plan.set_options([WHOLE, *names], value=WHOLE)
        self._forget()

    async def _preview(self, _event: Any = None) -> None:
        """Show what the run would do, and ask for the rack's name."""
        self._forget()
        rack, level, plan = wish = self._wish
        services = self._services
        try:
            record = services.fleet.find(rack)
            layout, told = layout_of(record), readings(services.fleet.view(record, services.now()))
            desk = services.acceptance.open()
            found = await asyncio.to_thread(desk.preview, layout.generation, level, plan, str(layout.rack), told)
        except RackwrightError as err:
            self._say(f"▲ {err}", "sev-warning")
            return
        self._seen = wish
        self._told.set_content(draw_preview(found, rack, plan))
        self._typed.props(f'placeholder="Type {rack} to begin"')
        self._asked.set_visibility(True)

    async def _begin(self, _event: Any = None) -> None:
        """Begin the run that was shown, once, and lead to it."""
        wish = self._seen
        if wish is None or wish != self._wish or not self._services.doorkeeper.still_welcome(self._who):
            return
        rack, level, plan = wish
        if (self._typed.value or "").strip() != rack:
            ui.notify(f"Not begun: type {rack} first.", type="warning")
            return
        self._forget()
        self._say(f"{rack}: it begins …")
        try:
            row = await begin_run_as(self._services, self._who, rack=rack, level=level, plan=plan)
        except RackwrightError as err:
            self._say(f"▲ Not begun: {err}", "sev-warning")
            return
        self._told.set_content(
            f'<p>● It has begun: <a href="{run_href(row.id)}">{esc(row.id)}</a>, with its '
            f'<a href="{floor_href(row.id)}">test-floor screen</a>.</p>'
        )

    def _forget(self, _event: Any = None) -> None:
        self._seen = None
        self._asked.set_visibility(False)
        self._typed.value = ""
        self._told.set_content("")

    def _say(self, text: str, kind: str = "") -> None:
        self._told.set_content(f'<p class="{kind}">{esc(text)}</p>')
