"""One serial console in the browser: what it says, who types, and its log searched.

The terminal is NiceGUI's own xterm element.  Each piece waits until the browser has taken the one before, so that a
slow browser is served from the log and holds nothing up.
"""

import asyncio
import codecs
import contextlib
from collections.abc import Awaitable

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks_page import show_banner
from datacenter_api.console.serial import draw_lines, draw_status
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.wording import rack_href, slot_of, tray_href
from datacenter_api.consoles.hands import Hands
from datacenter_api.consoles.relay import Watcher
from datacenter_api.consoles.search import MOST_PATTERN, Wanted, find_lines
from datacenter_api.fleet.places import console_in
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.place import Place, rack_of, tray_of
from rack_controller.model.console import MOST_REASON, VERBS, Verb
from rack_controller.model.roles import may

PUMP_S = 0.1
BEAT_S = 1.0
MOST_TYPED = 64 * 1024  # what is pasted while the line is slow
HISTORY = 200
FOUND = 200
# A terminal is dark in both schemes: hosts choose their colours for that.
_OPTIONS = {
    "rows": 30,
    "cols": 100,
    "scrollback": 5_000,
    "convertEol": False,
    "cursorBlink": False,
    "fontSize": 13,
    "fontFamily": "ui-monospace, Menlo, Consolas, monospace",
    "theme": {"background": "#0d1318", "foreground": "#e3e9ef", "cursor": "#5eb0d8"},
}


async def show_serial(glance: Glance, text: str, who: Principal) -> None:
    """Show a serial console (`k01/u12/console`, or in full), or why it cannot be shown."""
    parts = glance.services
    if not may(who.role, VERBS[Verb.WATCH]):
        show_missing(who, f"Role {who.role} does not watch serial consoles")
        return
    try:
        _record, place = console_in(parts.fleet, text)
        watcher = await parts.consoles.watch(place)
    except RackwrightError as err:
        show_missing(who, str(err))
        return
    watcher.position = await parts.consoles.tail(place, watcher.position, HISTORY)
    parts.store.audit(who.user, who.address, "console watch", place, "ok")
    SerialPage(glance, watcher, Hands(parts.consoles, watcher, who, parts.store)).show()


class SerialPage:
    """One console as one viewer sees it."""

    def __init__(self, glance: Glance, watcher: Watcher, hands: Hands) -> None:
        self._glance, self._parts, self._watcher, self._hands = glance, glance.services, watcher, hands
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._typed = bytearray()
        self._typing = asyncio.Lock()
        self._drawn = ""
        self._note = ""
        self._beat_due = 0.0

    def show(self) -> None:
        """Build the page and begin to send."""
        place, who = self._watcher.place, self._hands.who
        rack, tray = rack_of(place), tray_of(place)
        crumbs = (
            ("/console/", "Hall"),
            (rack_href(rack), rack),
            (tray_href(tray), slot_of(tray)),
            ("", slot_of(place)),
        )
        show_top(who, *crumbs)
        viewer = Viewer(self._parts, who)
        show_banner(self._glance, viewer)
        with ui.element("main").classes("page"):
            with ui.element("div").classes("card serial"):
                self._status = html(classes="serialhead")
                with ui.element("div").classes("serialkeys"):
                    self._buttons()
                self._terminal = ui.xterm(_OPTIONS, on_data=lambda event: self._type(event.data)).classes("terminal")
            with ui.element("div").classes("card"):
                self._search(place)
        ui.context.client.on_delete(self._leave)
        ui.timer(PUMP_S, self._pump)
        viewer.start()

    def _buttons(self) -> None:
        hands = self._hands
        if not may(hands.who.role, VERBS[Verb.OPEN]):
            html(f"Role {hands.who.role} watches.", classes="quiet")
            return
        button("Type here", ButtonKind.ACT, lambda: self._begin_to_type())
        button("Stop typing", ButtonKind.LEAVE, lambda: self._try(hands.close()))
        button("Send break", ButtonKind.HARM, lambda: self._try(hands.send_break()))
        reason = ui.input(placeholder="Reason for taking over").props(f"dense outlined maxlength={MOST_REASON}")
        reason.classes("reason")
        button("Take over", ButtonKind.ACT, lambda: self._take(str(reason.value or "").strip()))

    def _search(self, place: Place) -> None:
        html("<h2>Search the log</h2>")
        with ui.element("div").classes("serialkeys"):
            text = ui.input(placeholder="Text, for example NVRM: Xid").props(f"dense outlined maxlength={MOST_PATTERN}")
            text.classes("reason")
            button("Search", ButtonKind.ASK, lambda: search())
        found = html(classes="found")

        async def search() -> None:
            wanted = Wanted(FOUND, text=str(text.value or "")[:MOST_PATTERN])
            try:
                found.set_content(draw_lines(await find_lines(self._parts.consoles, place, wanted)))
            except RackwrightError as err:
                found.set_content(draw_lines([], str(err)))

        text.on("keydown.enter", search)

    async def _begin_to_type(self, reason: str = "") -> None:
        """Ask for the keyboard, and put the cursor where it then writes."""
        if await self._try(self._hands.open(reason)):
            self._terminal.run_terminal_method("focus")

    async def _take(self, reason: str) -> None:
        if reason:
            await self._begin_to_type(reason)
        else:
            self._say("say why you take over")

    async def _try(self, doing: Awaitable[None]) -> bool:
        """Return whether it was done; why not is said on the page."""
        try:
            await doing
        except RackwrightError as err:
            self._say(str(err))
            return False
        self._say("")
        return True

    async def _type(self, typed: str) -> None:
        """Send keys in order; what comes while one request is under way goes with the next."""
        self._typed += typed.encode()
        del self._typed[MOST_TYPED:]
        if self._typing.locked():
            return
        async with self._typing:
            while self._typed:
                data = bytes(self._typed)
                self._typed.clear()
                await self._try(self._hands.type(data))

    async def _pump(self) -> None:
        if not self._parts.doorkeeper.still_welcome(self._hands.who):
            ui.run_javascript("location.assign('/login')")
            return
        self._draw_status()
        if (now := self._parts.now()) >= self._beat_due:
            self._beat_due = now + BEAT_S
            ui.run_javascript("rackwright.apply()")  # a console may be silent for hours: the page is not
        try:
            data = await self._hands.relay.take(self._watcher)
        except RackwrightError as err:
            self._say(str(err))
            return
        if data:
            # Waits for the browser: TimeoutError is a slow one, and its next piece only comes with the next turn.
            with contextlib.suppress(TimeoutError):
                await self._terminal.write(self._decoder.decode(data))

    def _draw_status(self) -> None:
        status = self._hands.relay.status.get(self._watcher.place)
        if status is not None and self._hands.relay.put_out(self._watcher):
            self._note = f"{status.writer or 'nobody'} types now"
        drawn = draw_status(self._watcher.place, status, self._watcher.writes, self._note)
        if drawn != self._drawn:
            self._drawn = drawn
            self._status.set_content(drawn)

    def _say(self, note: str) -> None:
        self._note = note
        self._draw_status()

    async def _leave(self) -> None:
        self._hands.relay.leave(self._watcher)
        await self._hands.let_go("the page was closed")
