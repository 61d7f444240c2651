"""What a person may say to an operation on its page: approve, pause, resume, cancel.

Approving and cancelling are confirmed by typing the operation's name.  Who may not, and what cannot be said of an
operation as it is now, the controller refuses with a reason.
"""

from functools import partial
from typing import Any

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button, show_as
from datacenter_api.console.safety_cards import INPUT, ActCard
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from datacenter_api.fleet.record import RackRecord
from datacenter_api.services import Services
from rack_controller.model.operation import WORDS
from rack_controller.model.roles import Privilege, may, may_not

_TYPED = {
    "approve": "it runs as it is shown above",
    "cancel": "what is under way is waited for, nothing more begins, and what was done stays done",
}


class OperationCard(ActCard):
    """The words of one viewer to one operation."""

    def __init__(self, services: Services, who: Principal, record: RackRecord, name: str) -> None:
        super().__init__(services, who, record)
        self._name, self._word = name, ""

    def show(self) -> None:
        """Draw the words, or why this viewer has none."""
        if not may(self._who.role, Privilege.SHUT):
            html(f'<p class="quiet">{esc(may_not(self._who.role, Privilege.SHUT).capitalize())}.</p>')
            return
        with ui.row():
            for word in WORDS:
                label, kind = word.capitalize(), ButtonKind.ACT
                if word in _TYPED:
                    label, kind = f"{label} …", ButtonKind.ASK
                button(label, kind, partial(self._begin, word))
        self._show_told()
        with ui.row() as self._asked:
            self._typed = ui.input(placeholder=f"Type {self._name} to go on").props(f"{INPUT} maxlength=64")
            self._do = button("Do it", ButtonKind.ACT, self._confirmed)
            button("Not now", ButtonKind.LEAVE, self._forget)
        self._asked.set_visibility(False)

    async def _begin(self, word: str, _event: Any = None) -> None:
        """Say a word at once, or show what it means and ask for the operation's name."""
        self._forget()
        if word not in _TYPED:
            await self._speak(word)
            return
        self._word, self._typed.value = word, ""
        self._say(f"{word.capitalize()} {self._name}: {_TYPED[word]}.")
        show_as(self._do, "Do it", ButtonKind.HARM if word == "cancel" else ButtonKind.ACT)
        self._asked.set_visibility(True)

    async def _confirmed(self, _event: Any = None) -> None:
        if (self._typed.value or "").strip() != self._name:
            ui.notify(f"Not said: type {self._name} first.", type="warning")
            return
        word = self._word
        self._forget()
        await self._speak(word)

    async def _speak(self, word: str) -> None:
        reply = await self._command(word, str(self._record.place), {"operation": self._name})
        if reply is not None:
            self._say(f"● {self._name} is {reply.result.get('state', '')}.")

    def _forget(self, _event: Any = None) -> None:
        self._word = ""
        self._asked.set_visibility(False)
        self._told.set_content("")
