"""The resources of this service for the engine: built on demand, kept for a moment; changes go where they belong."""

from collections import OrderedDict
from typing import Any, cast

import orjson

from datacenter_api.redfish import certificate_actions, changes, event_changes, limits
from datacenter_api.redfish.accounts import ACCOUNTS, SESSIONS
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.power import changes as power_changes
from datacenter_api.redfish.power.aggregates import AGGREGATES
from datacenter_api.redfish.power.aggregates import remove as remove_aggregate
from datacenter_api.redfish.power.tasks import MONITORS, TASKS, monitor_document
from datacenter_api.redfish.root import metadata
from datacenter_api.redfish.routes import make_tree
from datacenter_api.redfish.shapes import ROOT
from datacenter_api.redfish.world import World
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.service import OPEN
from firmware_bridge.redfish_service.source import READ, Document, Outcome, Principal

METADATA = f"{ROOT}/$metadata"
KEPT = 512
"""Documents kept; each for at most a second, and never across a frame of any rack."""
MOST_KEPT_BYTES = 16_384
_NEVER_KEPT = tuple(
    f"{ROOT}/{name}"
    for name in ("AccountService", "AggregationService", "EventService", "SessionService", "TaskService")
)
_LIGHTS = (f"{ROOT}/Chassis/", f"{ROOT}/Systems/")


class RackSource:
    """A ResourceSource over the fleet's memory."""

    def __init__(self, world: World) -> None:
        self._world, self._tree = world, make_tree()
        self._kept: OrderedDict[str, tuple[object, Document | None]] = OrderedDict()
        self._metadata: Document | None = None

    def get(self, uri: str, principal: Principal | None) -> Document | None:
        """Return the resource at a URI, None when there is none.

        Whoever has not logged in is shown the open ones only: an expanded root would hold all others.
        """
        if uri not in OPEN and not isinstance(principal, Caller):
            return None
        if uri == METADATA:
            if self._metadata is None:
                self._metadata = Document(metadata(), media=b"application/xml;charset=utf-8")
            return self._metadata
        if uri.startswith(f"{MONITORS}/"):
            task = self._world.tasks.tasks.get(uri.rsplit("/", 1)[1])
            return None if task is None else monitor_document(task)
        if uri.startswith(_NEVER_KEPT):
            return self._build(uri, principal)
        stamp = self._world.stamp()
        held = self._kept.get(uri)
        if held is not None and held[0] == stamp:
            return held[1]
        document = self._build(uri, principal)
        if document is not None and len(document.raw) <= MOST_KEPT_BYTES:
            self._kept[uri] = (stamp, Document(document.raw, document.allow, document.etag))  # without its dict
            self._kept.move_to_end(uri)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return document

    def methods(self, uri: str) -> str:
        """Return what a URI takes that is no resource: the event stream, and actions."""
        quick = event_changes.methods(uri) or certificate_actions.methods(uri)
        return quick or power_changes.methods(self._world, uri)

    def privilege(self, uri: str, method: str) -> str:
        """Return the least privilege of a change; what an account may change of itself is checked where it happens."""
        if event_changes.owns(uri):
            return event_changes.privilege(uri, method)
        if certificate_actions.methods(uri):
            return "ConfigureManager"
        if uri.startswith((*_LIGHTS, f"{AGGREGATES}/", f"{TASKS}/")) or uri == AGGREGATES:
            return "ConfigureComponents"
        return "ConfigureSelf"

    async def patch(self, uri: str, body: dict[str, Any], principal: Principal) -> Document | None:
        """Change a locate light, a power limit or an account and return the resource afterwards."""
        caller = cast(Caller, principal)
        if event_changes.owns(uri):
            event_changes.patch(self._world, uri, body, caller)
            return self._build(uri, principal)
        if uri.startswith(f"{ACCOUNTS}/"):
            changes.change_account(self._world, uri.rsplit("/", 1)[1], body, caller)
            return self._build(uri, principal)
        if limits.owns(uri):
            noted = await limits.set_limit(self._world, uri, body, caller)
            after = self._build(uri, principal)
            return Document.of({**after.body, **noted}, after.allow) if after is not None and noted else after
        tray = self._world.tray(uri.rsplit("/", 1)[1])
        if tray is None:
            raise RequestRefused("ResourceMissingAtURI", uri)
        if "/Systems/" in uri and "Boot" in body:
            await power_changes.patch_system(self._world, tray, body, caller)
        else:
            await changes.set_light(self._world, tray, body, caller)
        return None

    async def post(self, uri: str, body: dict[str, Any], principal: Principal) -> Outcome:
        """Make an account or a subscription, or run an action."""
        caller = cast(Caller, principal)
        if event_changes.owns(uri):
            where = await event_changes.post(self._world, uri, body, caller)
            return Outcome(204) if where is None else Outcome(201, self._build(where, principal), where)
        if certificate_actions.methods(uri):
            return await certificate_actions.post(self._world, uri, body, caller)
        if power_changes.owns(uri):
            done = await power_changes.post(self._world, uri, body, caller)
            return Outcome(201, self._build(done, principal), done) if isinstance(done, str) else done
        if uri != ACCOUNTS:
            raise RequestRefused("OperationNotAllowed")
        made = changes.account_uri(changes.make_account(self._world, body, caller))
        return Outcome(201, self._build(made, principal), made)

    async def delete(self, uri: str, principal: Principal) -> Outcome:
        """Remove an account, an aggregate, a task that is over or a subscription; end a session."""
        caller, leaf = cast(Caller, principal), uri.rsplit("/", 1)[1]
        if uri.startswith(f"{SESSIONS}/"):
            return changes.end_session(self._world, leaf, caller)
        if event_changes.owns(uri):
            event_changes.delete(self._world, uri, caller)
            return Outcome(204)
        if uri.startswith(f"{TASKS}/"):
            self._world.tasks.drop(leaf)
            return Outcome(204)
        if uri.startswith(f"{AGGREGATES}/"):
            return remove_aggregate(self._world, leaf, caller)
        return changes.remove_account(self._world, leaf, caller)

    def _build(self, uri: str, principal: Principal | None) -> Document | None:
        self._world.asker = principal if isinstance(principal, Caller) else None
        try:
            built = self._tree.build(self._world, uri)
        finally:
            self._world.asker = None
        if built is None:
            return None
        body, allow = built
        if limits.owns(uri):
            allow = allow if limits.settable(self._world, uri) else READ
        elif uri.startswith(_LIGHTS) and changes.LIGHT not in body and "Boot" not in body:
            allow = READ  # a rack, or a tray with nothing that can be set
        made = Document(orjson.dumps(body), allow, body.get("@odata.etag"))
        made.__dict__["body"] = body  # queries need not parse what was a dict a moment ago
        return made
