"""A step of a decision to buy said on the console: what is possible now, what it needs, the name typed first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from datacenter_api.passports.speaking import say_as
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.prove.option import DecisionRecord, DecisionStep, steps_of

_D = DecisionStep
MOST_SAID = 400
HINT = "for example racks_passed:L12 >= 17 by 2027-03-31"


@dataclass(frozen=True, slots=True)
class Word:
    """A step as its button names it, what comes of it, and whether the decision's name is typed before it."""

    label: str
    consequence: str
    typed: bool = True


WORDS = {
    _D.EVALUATE: Word("Begin the evaluation", "the racks are being evaluated from now on", typed=False),
    _D.ACCEPT: Word("Accept", "the racks are accepted; the option can be exercised or declined until its end"),
    _D.ACCEPT_IF: Word("Accept under conditions", "the option can be exercised once all of the conditions are met"),
    _D.REJECT: Word("Reject", "the decision ends here: nothing is bought"),
    _D.EXERCISE: Word("Exercise the option", "the decision ends here: the quantity offered is bought"),
    _D.DECLINE: Word("Decline the option", "the decision ends here: nothing more is bought"),
    _D.EXTEND: Word("Extend the option", "the option ends on a later day", typed=False),
}


class StepCard:
    """The steps of one decision that a viewer's account may say now."""

    def __init__(
        self, services: Services, who: Principal, record: DecisionRecord, moved: Callable[[DecisionRecord], None]
    ) -> None:
        """`moved`: called with the decision as it is after a step."""
        self._services, self._who, self._record, self._moved = services, who, record, moved
        self._wish: DecisionStep | None = None

    def show(self) -> None:
        """Draw the card; who speaks for no party, and who has nothing to say now, see why."""
        html("<h2>Say a step</h2>")
        self._why = html()
        self._buttons = ui.row()
        self._told = html()
        with ui.column().classes("saying") as self._asked:
            self._conditions = ui.textarea("Conditions, one a line", placeholder=HINT)
            self._conditions.props("dense outlined autogrow stack-label")
            self._until = ui.input("New last day").props("dense outlined type=date stack-label")
            self._said = ui.input("Why; stands in the record").props(f"dense outlined maxlength={MOST_SAID}")
            self._typed = ui.input(placeholder=f"Type {self._name} to go on").props("dense outlined maxlength=64")
            self._refused = html()
            with ui.row():
                button("Say it", ButtonKind.ACT, self._say_it)
                button("Cancel", ButtonKind.LEAVE, self._cancel)
        self._draw()

    @property
    def _name(self) -> str:
        return self._record.offer.name

    def _draw(self) -> None:
        """Draw what can be said now."""
        self._cancel()
        offer, steps = self._record.offer, steps_of(self._record, self._who.user)
        self._buttons.clear()
        with self._buttons:
            for step in steps:
                button(f"{WORDS[step].label} …", ButtonKind.ASK, partial(self._ask, step))
        self._buttons.set_visibility(bool(steps))
        if self._record.over:
            why = f"The decision is over: {self._record.stage}."
        elif steps:
            party = offer.buyer if self._who.user in offer.buyer.users else offer.seller
            why = f"You speak for {party.firm}."
        elif self._who.user in offer.seller.users:
            why = f"{offer.buyer.firm} decides."
        else:
            speak = "; ".join(f"{f.firm}: {', '.join(f.users)}" for f in (offer.buyer, offer.seller))
            why = f"Only the accounts of the parties say what becomes of it ({speak})."
        self._why.set_content(f'<p class="quiet">{esc(why)}</p>')

    def _ask(self, step: DecisionStep, _event: Any = None) -> None:
        """Show what comes of a step, and ask for what it needs."""
        self._cancel()
        self._wish, word = step, WORDS[step]
        self._tell(f"{word.label}: {word.consequence}.{' It cannot be taken back.' if word.typed else ''}")
        self._conditions.set_visibility(step is _D.ACCEPT_IF)
        self._until.set_visibility(step is _D.EXTEND)
        self._typed.set_visibility(word.typed)
        self._asked.set_visibility(True)

    async def _say_it(self, _event: Any = None) -> None:
        """Say the step that was shown, once, in the viewer's name."""
        step = self._wish
        if step is None or not self._services.doorkeeper.still_welcome(self._who):
            return
        if WORDS[step].typed and (self._typed.value or "").strip() != self._name:
            self._refuse(f"Not said: type {self._name} first.")
            return
        lines = (self._conditions.value or "").splitlines() if step is _D.ACCEPT_IF else []
        try:
            until = date.fromisoformat(self._until.value) if step is _D.EXTEND and self._until.value else None
        except ValueError:
            self._refuse("Not said: a day is written as 2027-03-31.")
            return
        try:
            record = await say_as(
                self._services, self._who, self._name, step, said=(self._said.value or "").strip()[:MOST_SAID],
                conditions=[line for line in lines if line.strip()], until=until,
            )  # fmt: skip
        except RackwrightError as err:
            self._refuse(f"Refused: {err}")
            return
        self._record = record
        self._draw()
        self._tell(f"● Said: {WORDS[step].label}. It is {record.stage.replace('_', ' ')} now.")
        self._moved(record)

    def _cancel(self, _event: Any = None) -> None:
        self._wish = None
        for field in (self._conditions, self._until, self._said, self._typed):
            field.value = ""
        self._asked.set_visibility(False)
        for said in (self._told, self._refused):
            said.set_content("")

    def _tell(self, text: str) -> None:
        self._told.set_content(f"<p>{esc(text)}</p>")

    def _refuse(self, why: str) -> None:
        """Say why nothing was said, beside the button: what comes of the step stays above."""
        self._refused.set_content(f'<p class="sev-warning">▲ {esc(why)}</p>')
