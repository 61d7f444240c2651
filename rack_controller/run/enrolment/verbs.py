"""Commands about an endpoint's enrolment: read its site entry anew, pin another certificate once it is proven."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from firmware_bridge.ports.enrolment import Identified, Pinned
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.errors import EndpointRefused, PreconditionFailed, RoleInsufficient, TargetUnknown
from firmware_bridge.vocabulary.identity import Identity
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.decide.notice import Finding
from rack_controller.model.command import Command
from rack_controller.model.event import Severity
from rack_controller.model.layout import Layout
from rack_controller.model.readiness import Ready
from rack_controller.model.roles import Privilege, may, whom_to_ask
from rack_controller.run.desk import SiteDesk
from rack_controller.run.enrolment.examiner import Examiner
from rack_controller.run.enrolment.holds import Holds
from rack_controller.run.enrolment.rotation import Rotation
from rack_controller.run.roster import Roster
from rack_controller.run.turns import Turns
from rack_controller.run.view import RackView

Verb = Callable[[Command], Awaitable[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class EnrolmentVerbs:
    """`reload`, `repin`, `check`, `fix` and `rotate` of one rack."""

    view: RackView
    desk: SiteDesk
    roster: Roster
    holds: Holds
    examiner: Examiner
    rotation: Rotation
    turns: Turns
    tell: Callable[[Finding], None]

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name; those that change something have the endpoint to themselves."""
        alone = {"reload": self.reload, "repin": self.repin, "fix": self.fix, "rotate": self.rotate}
        return {"check": self.check, **{name: self._alone(name, verb) for name, verb in alone.items()}}

    def _alone(self, name: str, verb: Verb) -> Verb:
        async def do(command: Command) -> dict[str, object]:
            with self.turns.take(Place(command.target), name):
                return await verb(command)

        return do

    async def reload(self, command: Command) -> dict[str, object]:
        """Read an endpoint's entry of the site file anew; one that is new is read from now on."""
        place = Place(command.target)
        source = self.desk.source(place)
        await self._take(place, source)
        if isinstance(source, Pinned) and (hold := self.holds.of(place)) is not None and hold.pinned != source.pin:
            self.holds.end(place)
        self.tell(Finding(place, "endpoint.reloaded", Severity.OK, f"{_name(place)} is read as the site file says now"))
        return {"endpoint": place}

    async def repin(self, command: Command) -> dict[str, object]:
        """Pin the certificate that somebody has confirmed, once the part behind it has said who it is.

        The certificate shown must be the confirmed one.  The serial number must be the one given; without one a reason
        and the privilege to configure are asked for.  Raises PreconditionFailed and what the device raises.
        """
        place = Place(command.target)
        pin, serial, reason = (str(command.arguments.get(name, "")) for name in ("pin", "serial", "reason"))
        if not pin:
            raise PreconditionFailed("repin needs the pin that was confirmed", advice="sha256//…")
        if not serial:
            _check_reason(command, reason)
        source = self.desk.source(place, pin)
        try:
            identity = await self._proven(place, source, pin, serial)
            self.desk.repin(place, pin)
        except BaseException:
            await source.close()  # it has logged in
            raise
        await self._take(place, source)
        self.holds.end(place)
        proof = f"serial {serial}" if serial else f"reason: {reason}"
        text = f"{_name(place)} is pinned to {pin} by {command.actor} ({proof})"
        self.tell(Finding(place, "endpoint.repinned", Severity.WARNING, text))
        return {"pin": pin, "serial": identity.serial}

    async def check(self, command: Command) -> dict[str, object]:
        """Look now whether an endpoint is as it must be; a tray stands for all its endpoints.  Only reads."""
        chosen = [p for p in self.roster.places() if p == command.target or p.startswith(f"{command.target}/")]
        if not chosen:
            raise TargetUnknown(f"no endpoint at {command.target!r}", advice="see `rackwright endpoint list`")
        for place in chosen:
            await self.examiner.examine(place)
        return {"endpoints": len(chosen), "ready": all(self.examiner.ready(p) is Ready.READY for p in chosen)}

    async def fix(self, command: Command) -> dict[str, object]:
        """Write the settings that differ and may be written, one by one, and look again.  Armed racks only."""
        place = self._armed(command)
        wanted = str(command.arguments.get("name", ""))
        await self.examiner.examine(place)
        written, refused = await self.examiner.write_differing(place, wanted)
        if written:
            await self.examiner.examine(place)
        left = self.examiner.blocked_by(place)
        for name in written:
            text = f"{_name(place)}: {name.replace('_', ' ')} was set by {command.actor}"
            self.tell(Finding(place, "setting.written", Severity.WARNING, text))
        if refused and not written:
            name, why = next(iter(refused.items()))
            what = f"the device does not let its {name.replace('_', ' ')} be set: {why.detail}"
            raise EndpointRefused(place, "fix", what, status=why.status, advice="set it in the device's own way")
        return {"written": ", ".join(written), "left": ", ".join(left), "refused": ", ".join(refused)}

    async def rotate(self, command: Command) -> dict[str, object]:
        """Give an endpoint a password of its own, made here and shown to nobody.  Armed racks only."""
        place = self._armed(command)
        if self.holds.of(place) is not None:
            raise PreconditionFailed(
                f"{place} is held", advice="settle its certificate with `rackwright endpoint repin`"
            )
        await self.rotation.rotate(place, command.actor)
        self.view.layout = self._layout()
        return {"endpoint": place}

    def _layout(self) -> Layout:
        """Return the layout as the site file has it now, armed or not as it was when the controller started."""
        now = self.desk.layout(Place(self.view.layout.rack))
        return msgspec.structs.replace(now, armed=self.view.layout.armed)

    def _armed(self, command: Command) -> Place:
        self.view.check_armed()
        return Place(command.target)

    async def _proven(self, place: Place, source: TelemetrySource, pin: str, serial: str) -> Identity:
        if not isinstance(source, Pinned):
            raise TargetUnknown(f"{place} has no certificate", advice="only HTTPS endpoints are pinned")
        shown = await source.shown_certificate()
        if shown.pin != pin:
            raise PreconditionFailed(f"{place} shows {shown.pin} now, confirmed was {pin}", advice="look again")
        if not isinstance(source, Identified):
            if serial:
                raise PreconditionFailed(f"{place} says no serial number", advice="give a reason instead")
            return Identity(None)
        identity = await source.identify()
        if serial and not identity.is_called(serial):
            says = ", ".join(identity.serials) or "none"
            raise PreconditionFailed(f"the serial number of {place} is {says}, expected {serial}", advice="look again")
        return identity

    async def _take(self, place: Place, source: TelemetrySource) -> None:
        await self.roster.put(source)
        self.examiner.expect(self.desk.expectations(Place(self.view.layout.rack), self.view.layout.generation))
        # A layout of its own needs a boot of its own: whoever holds the old one asks for everything again.
        self.view.layout, self.view.boot = self._layout(), secrets.token_hex(8)


def _check_reason(command: Command, reason: str) -> None:
    if not reason.strip():
        raise PreconditionFailed("why may this certificate be trusted?", advice="give its serial number, or a reason")
    if not may(command.role, Privilege.CONFIGURE):
        raise RoleInsufficient(
            f"role {command.role} pins only by serial number",
            advice=f"give the serial number, or {whom_to_ask(Privilege.CONFIGURE)}",
        )


def _name(place: Place) -> str:
    return f"{leaf_of(tray_of(place))} {leaf_of(place)}"
