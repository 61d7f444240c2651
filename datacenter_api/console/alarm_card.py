"""What a person may do about alarms on their page: acknowledge, shelve, take out of service, and back.

An alarm is named by typing its id; what silences one needs a typed reason.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button
from datacenter_api.console.safety_cards import INPUT, ActCard
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from rack_controller.model.alarm import MOST_REASON, AlarmAct
from rack_controller.model.roles import Privilege, may

_SILENCES = {AlarmAct.SHELVE: "Shelve", AlarmAct.OUT_OF_SERVICE: "Out of service"}
_BUTTONS = {AlarmAct.ACK: "Acknowledge", **_SILENCES, AlarmAct.UNSHELVE: "Unshelve", AlarmAct.RETURN: "Return"}
_NEEDS = {AlarmAct.SHELVE, AlarmAct.OUT_OF_SERVICE, AlarmAct.RETURN}


class AlarmCard(ActCard):
    """The acts of one viewer on one rack's alarms."""

    def show(self) -> None:
        """Draw the form, or why this viewer has none."""
        html("<h2>Answer an alarm</h2>")
        role = self._who.role
        if not may(role, Privilege.SERVICE):
            html(f'<p class="quiet">Role {esc(role)} answers no alarms.</p>')
            return
        silences = may(role, Privilege.SILENCE)
        html(
            '<p class="quiet">Shelved it comes back by itself, after 8 hours at most. Leaks and emergency stop are '
            "never silenced. An interlock acts whatever is done here.</p>"
            if silences
            else f'<p class="quiet">Role {esc(role)} acknowledges; an operator or a safety engineer shelves.</p>'
        )
        with ui.row():
            self._alarm = (
                ui.input(placeholder="Type the alarm, e.g. k01-a7").props(f"{INPUT} maxlength=64").classes("named")
            )
            if silences:
                self._reason = ui.input("Why").props(f"{INPUT} maxlength={MOST_REASON}")
                self._hours = ui.input("Hours on the shelf", value="1").props(f"{INPUT} maxlength=4")
        with ui.row():
            for act, label in _BUTTONS.items():
                if silences or act not in _NEEDS:
                    button(label, ButtonKind.ACT, self._doing(act))
        self._show_told()

    def _doing(self, act: AlarmAct) -> Callable[[Any], Awaitable[None]]:
        async def send(_event: Any = None) -> None:
            await self._send(act)

        return send

    async def _send(self, act: AlarmAct) -> None:
        alarm = (self._alarm.value or "").strip()
        if not alarm:
            self._say("▲ Nothing was done: type the alarm first.", "sev-warning")
            return
        said: dict[str, object] = {"do": str(act), "alarm": alarm}
        if act in _SILENCES:
            said["reason"] = (self._reason.value or "").strip()
        if act is AlarmAct.SHELVE:
            try:
                said["minutes"] = round(float((self._hours.value or "").replace(",", ".")) * 60)
            except (ValueError, OverflowError):
                self._say("▲ Nothing was done: hours are a number, such as 0.5.", "sev-warning")
                return
        reply = await self._command("alarm", str(self._record.place), said)
        if reply is not None:
            self._say(f"● {alarm} is {str(reply.result.get('state', 'answered')).replace('_', ' ')}.")
