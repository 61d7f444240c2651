"""A run begun on the console: racks, level and plan are chosen, what it will do is shown, the racks' names are typed.

Several racks are taken together, at L12; one by itself up to L11.
"""

from typing import Any

from nicegui import ui

from datacenter_api.acceptance.beginning import begin_run_as, look_before
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.acceptance import floor_href, run_href
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button
from datacenter_api.console.preview import draw_preview
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from datacenter_api.fleet.places import layout_of
from datacenter_api.services import Services
from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.acceptance.engine import LEAST_TOGETHER
from rack_controller.acceptance.plans import plan_names
from rack_controller.prove.accept.plan import Level

INPUT = "dense outlined maxlength=400"
WHOLE = "whole plan"
_ALONE, _TOGETHER = ["L10", "L11"], ["L12"]
Wish = tuple[tuple[str, ...], str, str]
"""Racks, level and plan that are chosen."""


class BeginCard:
    """The card for one viewer who may begin runs."""

    def __init__(self, services: Services, who: Principal, rack: str = "") -> None:
        """`rack`: which one is chosen at first."""
        self._services, self._who, self._first = services, who, rack
        self._seen: Wish | None = None

    def show(self) -> None:
        """Draw the card; without a rack whose design has a plan it says so."""
        html("<h2>Begin a run</h2>")
        racks = [r.token for r in self._services.fleet if r.layout is not None]
        if not racks:
            html('<p class="quiet">No rack is known yet.</p>')
            return
        chosen = self._first if self._first in racks else racks[0]
        with ui.row().classes("items-center"):
            self._racks = ui.select(racks, value=[chosen], label="Racks", multiple=True, on_change=self._other_racks)
            self._racks.props("dense outlined").style("min-width: 10rem")
            self._level = ui.select(_ALONE, value="L11", label="Up to")
            self._level.props("dense outlined").style("min-width: 6rem").on_value_change(self._forget)
            self._plan = ui.select([WHOLE], value=WHOLE, label="Plan").props("dense outlined")
            self._plan.style("min-width: 10rem").on_value_change(self._forget)
            button("Show what it will do", ButtonKind.ASK, self._preview)
        self._told = html()
        with ui.row().classes("items-center") as self._asked:
            self._typed = ui.input(placeholder="").props(INPUT)
            button("Begin it", ButtonKind.ACT, self._begin)
            button("Cancel", ButtonKind.LEAVE, self._forget)
        self._asked.set_visibility(False)
        self._other_racks()

    @property
    def _wish(self) -> Wish:
        plan, racks = str(self._plan.value or ""), tuple(sorted(map(str, self._racks.value or ())))
        return racks, str(self._level.value or "L11"), "" if plan == WHOLE else plan

    def _other_racks(self, _event: Any = None) -> None:
        """Offer the plans of the racks' design, and the levels that so many of them have."""
        racks = self._wish[0]
        try:
            names = self._plans_of(racks[0]) if racks else []
        except RackwrightError:
            names = []
        self._plan.set_options([WHOLE, *names], value=WHOLE)
        alone = len(racks) < LEAST_TOGETHER
        self._level.set_options(_ALONE if alone else _TOGETHER, value="L11" if alone else "L12")
        self._forget()

    def _plans_of(self, rack: str) -> list[str]:
        """Return the further plans of a rack's design.  Raises ConfigurationError, TargetUnknown."""
        generation = layout_of(self._services.fleet.find(rack)).generation
        return plan_names(generation, own_generations(self._services.state))

    async def _preview(self, _event: Any = None) -> None:
        """Show what the run would do, and ask for the racks' names, but where another run has one of them."""
        self._forget()
        racks, level, plan = wish = self._wish
        if not racks:
            self._say("▲ Choose a rack, or several to be taken together.", "sev-warning")
            return
        try:
            found = await look_before(self._services, racks, Level(level), plan)
        except RackwrightError as err:
            self._say(f"▲ {err}", "sev-warning")
            return
        self._told.set_content(draw_preview(found, " ".join(racks), plan))
        if found.taken:
            return
        self._seen = wish
        self._typed.props(f'placeholder="Type {" ".join(racks)} to begin"')
        self._asked.set_visibility(True)

    async def _begin(self, _event: Any = None) -> None:
        """Begin the run that was shown, once, and lead to it."""
        wish = self._seen
        if wish is None or wish != self._wish or not self._services.doorkeeper.still_welcome(self._who):
            return
        racks, level, plan = wish
        named = " ".join(racks)
        if " ".join((self._typed.value or "").split()) != named:
            ui.notify(f"Not begun: type {named} first.", type="warning")
            return
        self._forget()
        self._say(f"{named}: it begins …")
        several = len(racks) >= LEAST_TOGETHER
        try:
            row = await begin_run_as(
                self._services, self._who, rack="" if several else named, racks=racks if several else (),
                level=Level(level), plan=plan,
            )  # fmt: skip
        except RackwrightError as err:
            self._say(f"▲ Not begun: {err}", "sev-warning")
            return
        begun = [
            f'<p>● It has begun: <a href="{run_href(run)}">{esc(run)}</a>, with its '
            f'<a href="{floor_href(run)}">test-floor screen</a>.</p>'
            for run in row.together or {row.id: row.rack}
        ]
        self._told.set_content("".join(begun))

    def _forget(self, _event: Any = None) -> None:
        self._seen = None
        self._asked.set_visibility(False)
        self._typed.value = ""
        self._told.set_content("")

    def _say(self, text: str, kind: str = "") -> None:
        self._told.set_content(f'<p class="{kind}">{esc(text)}</p>')
