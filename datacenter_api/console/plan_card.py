"""Operations begun on the console: a button has the controller plan, the plan is shown, a name is typed, it runs.

Nothing is kept before the plan was seen.  What a controller refuses is shown with its reason; heat under a coolant unit
may be overruled, and then another person must approve on the operation's page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button, show_as
from datacenter_api.console.operations import draw_plan, operation_link
from datacenter_api.console.safety_cards import INPUT, ActCard
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc, slot_of
from datacenter_api.fleet.record import RackRecord
from datacenter_api.services import Services
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.power import PowerDepth
from rack_controller.model.command import Reply
from rack_controller.model.operation import Plan, Verb, diff_plans
from rack_controller.model.roles import Privilege, may, may_not

_V, _P = Verb, Privilege
_GIVES = frozenset({_V.ON, _V.COOLANT_START, _V.SHELF_ON})


@dataclass(frozen=True, slots=True)
class Offer:
    """One button: what is planned with which arguments, what becomes of it, and who may plan it.

    `despite`: its refusal because of heat may be overruled by two persons.
    """

    label: str
    verb: Verb
    consequence: str
    needs: Privilege
    despite: bool = False
    more: dict[str, str] = field(default_factory=dict)


RACK_OFFERS = (
    Offer("Power on", _V.ON, "shelves and coolant are looked at, switch trays and then hosts boot", _P.POWER),
    Offer("Power off", _V.OFF, "hosts are asked, then forced, then switch trays; jobs on them end", _P.SHUT),
    Offer(
        "Off and isolated",
        _V.OFF,
        "all of the rack goes off, and once it is cool its shelves give no power; each is switched on again by hand",
        _P.SHUT,
        more={"depth": PowerDepth.ISOLATED},
    ),
)
TRAY_OFFERS: dict[str, tuple[Offer, ...]] = {
    TrayKind.COOLANT_UNIT: (
        Offer("Stop", _V.COOLANT_STOP, "its pumps stand; what it cools stays off meanwhile", _P.COOLANT, despite=True),
        Offer("Start", _V.COOLANT_START, "its pumps turn, and coolant flows", _P.COOLANT),
        Offer("Cycle its power", _V.COOLANT_CYCLE, "its pumps stand meanwhile", _P.COOLANT, despite=True),
    ),
    TrayKind.POWER_SHELF: (
        Offer("Output off", _V.SHELF_OFF, "the other shelves carry the bus without it", _P.SHELF),
        Offer("Output on", _V.SHELF_ON, "it feeds the bus", _P.SHELF),
    ),
}


class PlanCard(ActCard):
    """What may be done with a rack, a coolant unit or a shelf, for one viewer."""

    def __init__(
        self, services: Services, who: Principal, record: RackRecord, target: str, offers: Sequence[Offer]
    ) -> None:
        super().__init__(services, who, record)
        self._target, self._offers = target, offers
        self._wish: tuple[Offer, bool, Plan] | None = None
        self._refused: Offer | None = None

    def show(self) -> None:
        """Draw the card; a viewer who may do nothing, and whoever looks at a rack that is only observed, see why."""
        html("<h2>Switching</h2>")
        why = self._why_not()
        if why:
            html(f'<p class="quiet">{esc(why)}</p>')
            return
        with ui.row():
            for offer in self._may():
                button(f"{offer.label} …", ButtonKind.ASK, partial(self._preview, offer))
        self._show_told()
        self._why = ui.input("Why; stands in the operation").props(f"{INPUT} maxlength=200").classes("wide")
        with ui.row() as self._asked:
            self._typed = ui.input(placeholder=f"Type {self._name} to go on").props(f"{INPUT} maxlength=64")
            self._go = button("Do it", ButtonKind.ACT, self._send)
            button("Cancel", ButtonKind.LEAVE, self._cancel)
        self._overrule = button("Plan it despite the heat …", ButtonKind.ASK, self._preview_despite)
        self._cancel()

    @property
    def _name(self) -> str:
        return slot_of(self._target)

    def _may(self) -> list[Offer]:
        return [offer for offer in self._offers if may(self._who.role, offer.needs)]

    def _why_not(self) -> str:
        layout = self._record.layout
        if layout is None:
            return "Its rack is not known yet; load the page again later."
        if not layout.armed:
            return "Its rack is only observed: nothing is written to its devices."
        return "" if self._may() else f"{may_not(self._who.role, self._offers[0].needs).capitalize()}."

    async def _preview(self, offer: Offer, _event: Any = None) -> None:
        await self._show_plan(offer, despite=False)

    async def _preview_despite(self, _event: Any = None) -> None:
        """Show the plan that overrules heat; the reason for it must stand there first."""
        offer = self._refused
        if offer is None:
            return
        if not self._reason:
            ui.notify("Not planned: write why coolant is to stand under heat.", type="warning")
            return
        await self._show_plan(offer, despite=True)

    async def _show_plan(self, offer: Offer, *, despite: bool) -> None:
        self._cancel()
        reply = await self._command("plan", self._target, {**self._said(offer, despite=despite), "dry_run": True})
        if reply is None:
            self._offer_despite(offer)
            return
        plan = _plan_of(reply)
        told = f"{offer.label} of {self._name}: {offer.consequence}."
        if plan.despite:
            told += " Another person with the safety role must approve it within an hour."
        self._told.set_content(f"<p>{esc(told)}</p>{draw_plan(plan)}")
        if plan.stages:
            self._wish = (offer, despite, plan)
            self._typed.value = ""
            kind = ButtonKind.ACT if offer.verb in _GIVES else ButtonKind.HARM
            show_as(self._go, "Ask another person" if plan.despite else "Do it", kind)
            self._why.set_visibility(True)
            self._asked.set_visibility(True)

    def _offer_despite(self, offer: Offer) -> None:
        """Offer to overrule what was just refused, to whoever may."""
        if offer.despite and may(self._who.role, Privilege.INTERLOCK):
            self._refused = offer
            self._why.set_visibility(True)
            self._overrule.set_visibility(True)

    async def _send(self, _event: Any = None) -> None:
        """Have made what was previewed, once; approve it, or leave it to another person."""
        if self._wish is None:
            return
        offer, despite, seen = self._wish
        if (self._typed.value or "").strip() != self._name:
            ui.notify(f"Not asked for: type {self._name} first.", type="warning")
            return
        said = self._said(offer, despite=despite)
        self._cancel()
        reply = await self._command("plan", self._target, said)
        if reply is None:
            return
        name, plan = str(reply.result["operation"]), _plan_of(reply)
        changed = diff_plans(seen, plan)
        if changed:
            await self._command("cancel", str(self._record.place), {"operation": name})
            self._say(
                f"▲ Not done, the plan is another one now: {'; '.join(changed[:5])}. Look at it anew.", "sev-warning"
            )
        elif plan.despite:
            self._link(name, "waits for another person with the safety role, for an hour")
        elif await self._command("approve", str(self._record.place), {"operation": name}):
            self._link(name, "runs")
        else:
            self._told.set_content(f"{self._told.content}<p>{operation_link(name)} is kept as planned.</p>")

    def _said(self, offer: Offer, *, despite: bool) -> dict[str, object]:
        said: dict[str, object] = {"do": str(offer.verb), **{name: str(x) for name, x in offer.more.items()}}
        if despite:
            said["despite"] = True
        return {**said, "reason": self._reason} if self._reason else said

    @property
    def _reason(self) -> str:
        return (self._why.value or "").strip()

    def _link(self, name: str, how: str) -> None:
        self._told.set_content(f"<p>● {operation_link(name)} {esc(how)}.</p>")

    def _cancel(self, _event: Any = None) -> None:
        self._wish = self._refused = None
        for shown in (self._asked, self._overrule, self._why):
            shown.set_visibility(False)
        self._told.set_content("")


def _plan_of(reply: Reply) -> Plan:
    return msgspec.convert(reply.result["plan"], Plan, strict=False)
