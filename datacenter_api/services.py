"""What the routes share: memory, bus, accounts, streams.  Put together once; holds no logic of its own."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from fastapi import Request

from datacenter_api.acceptance.on_demand import Acceptance
from datacenter_api.auth.accounts import Accounts
from datacenter_api.auth.doorkeeper import Doorkeeper, Principal
from datacenter_api.auth.gate import PRINCIPAL
from datacenter_api.auth.served import ServedCertificate
from datacenter_api.auth.sessions import Sessions
from datacenter_api.auth.store import Store
from datacenter_api.consoles.relay import ConsoleRelay
from datacenter_api.events.broadcast import EVENTS, Broadcaster, sse
from datacenter_api.events.log import EventLog
from datacenter_api.fleet.bus import BusLink
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.state import FleetState
from datacenter_api.fleet.summary import summarise
from datacenter_api.history.chronicle import Chronicle
from datacenter_api.history.settings import settings_from
from datacenter_api.metrics.exposition import Exposition
from datacenter_api.passports.on_demand import Passports
from datacenter_api.redfish.figures import RedfishFigures
from datacenter_api.redfish.push.settings import PushSettings
from datacenter_api.redfish.push.settings import settings_from as push_settings
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.event import Event, encode_event

if TYPE_CHECKING:
    from datacenter_api.notify.on_demand import Notifier


@dataclass
class Services:
    """One API's parts."""

    state: Path
    store: Store
    accounts: Accounts
    sessions: Sessions
    doorkeeper: Doorkeeper
    fleet: FleetState
    events: EventLog
    bus: BusLink
    history: Chronicle
    consoles: ConsoleRelay
    certificate: ServedCertificate
    passports: Passports
    acceptance: Acceptance
    broadcaster: Broadcaster = field(default_factory=Broadcaster)
    exposition: Exposition = field(default_factory=Exposition)
    redfish: RedfishFigures = field(default_factory=RedfishFigures)
    push: PushSettings = field(default_factory=PushSettings)
    notifier: "Notifier | None" = None  # while the application lives

    @staticmethod
    def now() -> Seconds:
        """Return monotonic seconds."""
        return Seconds(time.monotonic())

    def publish_frame(self, record: RackRecord) -> None:
        """Tell the rack's listeners how it stands."""
        if self.broadcaster.wanted(record.token):
            self.broadcaster.publish(record.token, self.summary_message(record))

    def publish_event(self, event: Event) -> None:
        """Tell everybody who listens to events."""
        if self.broadcaster.wanted(EVENTS):
            self.broadcaster.publish(EVENTS, event_message(event))

    def summary_message(self, record: RackRecord) -> bytes:
        """Return the rack's summary as one server-sent event."""
        return sse("summary", msgspec.json.encode(summarise(record, self.now())))


def event_message(event: Event) -> bytes:
    """Return an event as one server-sent event whose id a reader can come back with."""
    return sse("event", encode_event(event), event.id)


def make_services(state: Path) -> Services:
    """Open the store of a state directory and put everything together.  Raises EnvironmentUnfit, ConfigurationError."""
    store = Store(state)
    accounts, sessions = Accounts(store), Sessions(store)
    fleet, events = FleetState(), EventLog()
    bus = BusLink(state, fleet, events)
    history = Chronicle(
        state / "history",
        lambda: [record.token for record in fleet],
        fleet.told,
        settings_from(os.environ),
        ask_table=bus.ask_table,
    )
    passports = Passports(state, fleet, bus, store.audit)
    services = Services(
        state=state,
        store=store,
        accounts=accounts,
        sessions=sessions,
        doorkeeper=Doorkeeper(store, accounts, sessions),
        fleet=fleet,
        events=events,
        bus=bus,
        history=history,
        consoles=ConsoleRelay(bus),
        certificate=ServedCertificate(state / "tls"),
        passports=passports,
        acceptance=Acceptance(state, passports, accounts, sessions),
        push=push_settings(os.environ),
    )
    services.bus.companions += [services.history.run, services.consoles.run]
    services.bus.on_frame = services.publish_frame
    services.bus.on_event = services.publish_event
    return services


def services_of(request: Request) -> Services:
    """Return the parts of the application that serves this request."""
    services: Services = request.app.state.services
    return services


def principal_of(request: Request) -> Principal:
    """Return who sent this request; the gate has made sure that there is somebody."""
    principal: Principal = request.scope[PRINCIPAL]
    return principal
