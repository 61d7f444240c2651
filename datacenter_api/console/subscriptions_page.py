"""The page of event subscriptions: who is told, a test event, and an end to it; each in the viewer's own name.

It asks the Redfish service of this process, so that a viewer sees and may do what a client of theirs may.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button, show_as
from datacenter_api.console.frame import show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks_page import show_banner
from datacenter_api.console.subscriptions import Row, draw_rows, row_of
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.wording import esc
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError

if TYPE_CHECKING:
    from datacenter_api.redfish.door import RedfishDoor

AGAIN_S = 5.0
EVENTS = "/redfish/v1/EventService"
TEST = f"{EVENTS}/Actions/EventService.SubmitTestEvent"
LABELS = {"resume": "Deliver again", "suspend": "Suspend", "delete": "Delete"}
CONSEQUENCES = {
    "resume": "what has waited is delivered at once",
    "suspend": "nothing is delivered until it is resumed; 1,000 events wait",
    "delete": "it ends for good, and what waits for it is lost",
}
OpenDoor = Callable[[], "RedfishDoor"]


def show_subscriptions(glance: Glance, open_door: OpenDoor, who: Principal) -> None:
    """Show the page."""
    viewer = Viewer(glance.services, who)
    show_top(who, ("/console/", "Hall"), ("", "Event subscriptions"))
    show_banner(glance, viewer)
    with ui.element("main").classes("page"), ui.element("div").classes("card made"):
        SubscriptionsCard(glance.services, open_door, who).show()
    viewer.start()


class SubscriptionsCard:
    """The card for one viewer."""

    def __init__(self, services: Services, open_door: OpenDoor, who: Principal) -> None:
        self._services, self._open, self._who = services, open_door, who
        self._wish: tuple[str, str] | None = None

    def show(self) -> None:
        """Draw the table, what may be done with a chosen row, and what came of it."""
        html("<h2>Event subscriptions</h2>")
        self._table = html()
        with ui.row():
            self._chosen = ui.select([], label="Subscription").props("dense outlined").style("min-width: 15rem")
            for word, label in LABELS.items():
                button(f"{label} …", ButtonKind.ASK, partial(self._preview, word))
            if self._may(TEST, "POST"):
                button("Send a test event", ButtonKind.ACT, self._test)
        self._told = html()
        with ui.row() as self._asked:
            self._go = button("Do it", ButtonKind.ACT, self._do)
            button("Cancel", ButtonKind.LEAVE, self._cancel)
        self._asked.set_visibility(False)
        self._draw()
        ui.timer(AGAIN_S, self._draw)

    def rows(self) -> list[Row]:
        """Return what this viewer's clients would see.  Raises RackwrightError."""
        source, caller = self._source(), self._caller()
        listed = source.get(f"{EVENTS}/Subscriptions", caller)
        members = [] if listed is None else listed.body["Members"]
        found = [source.get(member["@odata.id"], caller) for member in members]
        return [row_of(document.body) for document in found if document is not None]

    def _draw(self) -> None:
        try:
            rows = self.rows()
        except RackwrightError as err:
            self._table.set_content(f'<p class="sev-warning">▲ {esc(str(err))}</p>')
            return
        self._table.set_content(draw_rows(rows))
        names = [row.id for row in rows]
        if names != self._chosen.options:
            self._chosen.set_options(names, value=self._chosen.value if self._chosen.value in names else None)

    def _preview(self, word: str) -> None:
        name = self._chosen.value
        if not name:
            self._say("▲ Choose a subscription first.", "sev-warning")
            return
        self._wish = (word, str(name))
        self._say(f"{LABELS[word]} {name}: {CONSEQUENCES[word]}.")
        show_as(self._go, "Do it", ButtonKind.HARM if word == "delete" else ButtonKind.ACT)
        self._asked.set_visibility(True)

    async def _do(self, _event: Any = None) -> None:
        wish = self._wish
        if wish is None:
            return
        self._cancel()
        word, name = wish
        at = f"{EVENTS}/Subscriptions/{name}"
        if word == "delete":
            done = await self._asking("DELETE", at, lambda: self._source().delete(at, self._caller()))
        else:
            target = f"{at}/Actions/EventDestination.{word.title()}Subscription"
            done = await self._asking("POST", target, lambda: self._source().post(target, {}, self._caller()))
        if done:
            self._say(f"● {LABELS[word]} {name}: done.")
        self._draw()

    async def _test(self, _event: Any = None) -> None:
        body = {"MessageId": "ResourceEvent.1.4.TestMessage", "Message": f"A test event, sent by {self._who.user}."}
        if await self._asking("POST", TEST, lambda: self._source().post(TEST, body, self._caller())):
            self._say("● A test event is on its way to everybody here.")

    async def _asking(self, method: str, uri: str, ask: Callable[[], Awaitable[Any]]) -> bool:
        """Ask in the viewer's name while they are welcome; say why not where it is refused."""
        if not self._services.doorkeeper.still_welcome(self._who):
            return False
        try:
            if not self._may(uri, method):
                self._say(f"▲ Role {self._who.role} may not do that.", "sev-warning")
                return False
            await ask()
        except RackwrightError as err:
            self._say(f"▲ Refused: {err}", "sev-warning")
            return False
        return True

    def _may(self, uri: str, method: str) -> bool:
        return self._source().privilege(uri, method) in self._caller().privileges

    def _source(self) -> Any:
        return self._open().service.source

    def _caller(self) -> Any:
        from datacenter_api.redfish.accounts import redfish_privileges
        from datacenter_api.redfish.caller import Caller

        who = self._who
        return Caller(who.user, who.role, redfish_privileges(who.role), who, "console")

    def _cancel(self, _event: Any = None) -> None:
        self._wish = None
        self._asked.set_visibility(False)
        self._told.set_content("")

    def _say(self, text: str, kind: str = "") -> None:
        self._told.set_content(f'<p class="{kind}">{esc(text)}</p>')
