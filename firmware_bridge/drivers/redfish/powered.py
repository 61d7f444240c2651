"""A tray's power switch and boot source over Redfish: found by what the device offers; nothing is decided here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from firmware_bridge.drivers.redfish.effect import look_once
from firmware_bridge.drivers.redfish.enclosure import Enclosure, enclosures
from firmware_bridge.drivers.redfish.link import URGENT, RedfishLink
from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.vocabulary.errors import ActionNotOffered, ResourceMissing
from firmware_bridge.vocabulary.power import (
    BootFor,
    BootSight,
    ControllerRestart,
    PowerAction,
    PowerAnswer,
    PowerProof,
    PowerSight,
)
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.boot import boot_change, boot_sight
from firmware_bridge.wire.redfish.guard import Document, parse
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.resets import (
    AUX_RESETS,
    CHASSIS_RESET,
    HOST_RESETS,
    PARAMETER,
    SYSTEM_RESET,
    ResetPoint,
    allowable,
    depth_of,
    power_state,
    reset_points,
    restart_point,
    restart_words,
)

MOST_MARKER = 64


@dataclass(slots=True)
class PowerPoints:
    """Where a tray is switched and seen, per action the target and the word for it, the same for restarts of its
    controller, and the boot source last seen."""

    state: str | None = None
    host: str | None = None
    controller: str | None = None
    words: dict[PowerAction, tuple[str, str]] = field(default_factory=dict)
    boot: BootSight | None = None
    restarts: dict[ControllerRestart, tuple[str, str]] = field(default_factory=dict)


async def power_points(tree: Tree, found: Enclosure, hints: Mapping[str, Any]) -> PowerPoints:
    """Return where the tray's power is, out of documents that were read already and the ActionInfo that they name.

    The host's own reset first; only where the system has none, that of an enclosure.  Auxiliary power wherever a
    chassis offers it.
    """
    host, outer = found.host, enclosures(found)
    resets = reset_points(host[1], {SYSTEM_RESET: HOST_RESETS[SYSTEM_RESET]}) if host is not None else []
    if not resets:
        by_chassis = {CHASSIS_RESET: HOST_RESETS[CHASSIS_RESET]}
        resets = next((points for _, d in outer if (points := reset_points(d, by_chassis))), [])
    for _, document in found.chassis:
        resets = [*resets, *reset_points(document, AUX_RESETS)]
    state = next((u for u, d in ([host] if host else []) + outer if "PowerState" in d), None)
    controller = link_of(tree.documents[ROOT], "Links", "ManagerProvidingService")
    return PowerPoints(
        hints.get("power_state") or (tree.spelled(tidy(state)) if state is not None else None),
        tree.spelled(tidy(host[0])) if host is not None else None,
        controller,
        await reset_words(tree, resets),
        boot_sight(host[1]) if host is not None else None,
        await _restarts(tree, controller),
    )


async def reset_words(tree: Tree, resets: Sequence[ResetPoint]) -> dict[PowerAction, tuple[str, str]]:
    """Return the target and word of each action that is offered there; of two offers the first counts."""
    words: dict[PowerAction, tuple[str, str]] = {}
    for point in resets:
        if point.values is None and point.info is not None:
            point = replace(point, values=allowable(await tree.get(point.info)))
        words = {action: (point.target, word) for action, word in point.words().items()} | words
    return words


async def _restarts(tree: Tree, controller: str | None) -> dict[ControllerRestart, tuple[str, str]]:
    """Return how the controller that answers here takes its own restart."""
    point = restart_point(await tree.get(controller) or {})
    if point is not None and point.values is None and point.info is not None:
        point = replace(point, values=allowable(await tree.get(point.info)))
    return {} if point is None else restart_words(point)


class Powered:
    """Adds the ports PowerSwitch, Bootable and Restartable to a source with `link`, `clock` and `state.power`."""

    __slots__ = ()

    @property
    def power_actions(self: Any) -> frozenset[PowerAction]:
        """Return what was offered when the device was last looked at, nothing before that."""
        return frozenset(self.state.power.words)

    @property
    def boot(self: Any) -> BootSight | None:
        """Return the boot source override as it was last seen, None where there is none."""
        seen: BootSight | None = self.state.power.boot
        return seen

    async def observe_power(self: Any) -> PowerSight:
        """Return what the controller says of its host now.  Raises DeviceError; ResourceMissing when it never says."""
        points: PowerPoints = self.state.power
        if points.state is None:
            raise ResourceMissing(self.link.endpoint, "observe_power", "no power state found")
        asked_at = self.clock.now()
        shown = await read_now(self.link, points.state)
        booted = shown if points.state == points.host or points.host is None else await read_now(self.link, points.host)
        controller = await read_now(self.link, points.controller) if points.controller is not None else {}
        points.boot = boot_sight(booted)
        state = power_state(shown)
        return PowerSight(
            state=state,
            depth=depth_of(state),
            taken_at=asked_at,
            boot_marker=scrub(booted.get("LastResetTime"), MOST_MARKER),
            allowed=frozenset(points.words),
            controller_marker=scrub(controller.get("LastResetTime"), MOST_MARKER),
        )

    async def switch_power(self: Any, action: PowerAction) -> PowerAnswer:
        """Ask for one action, once (see the port)."""
        offered = self.state.power.words
        if action not in offered:
            raise ActionNotOffered(self.link.endpoint, "switch_power", f"{action} is not offered")
        target, word = offered[action]
        answer = await self.link.effect(target, {PARAMETER: word})
        return PowerAnswer(True, answer.status, answer.location or "", word)

    async def prove_power(self: Any, action: PowerAction) -> PowerProof:
        """Show that an action could be asked for now, and ask nothing (see the port)."""
        offered = self.state.power.words
        if action not in offered:
            raise ActionNotOffered(self.link.endpoint, "prove_power", f"{action} is not offered")
        target, word = offered[action]
        document = await _look(self.link, target.rpartition("/Actions/")[0])
        found = [*reset_points(document, HOST_RESETS), *reset_points(document, AUX_RESETS)]
        point = next((p for p in found if p.target == target), None)
        if point is not None and point.values is None and point.info is not None:
            point = replace(point, values=allowable(await _look(self.link, point.info)))
        if point is None or point.words().get(action) != word:
            raise ActionNotOffered(self.link.endpoint, "prove_power", f"{word} is not among what it takes any more")
        return PowerProof(target, word, point.values or ())

    @property
    def restarts(self: Any) -> frozenset[ControllerRestart]:
        """Return how the controller could be restarted when the device was last looked at."""
        return frozenset(self.state.power.restarts)

    async def restart_controller(self: Any, how: ControllerRestart) -> PowerAnswer:
        """Ask for one restart of the controller itself, once (see the port)."""
        offered = self.state.power.restarts
        if how not in offered:
            raise ActionNotOffered(self.link.endpoint, "restart_controller", f"a {how} restart is not offered")
        target, word = offered[how]
        answer = await self.link.effect(target, {PARAMETER: word})
        return PowerAnswer(True, answer.status, answer.location or "", word)

    async def read_boot(self: Any) -> BootSight:
        """Return the host's boot source override.  Raises DeviceError; ResourceMissing when it has none."""
        sight = self.state.power.boot = boot_sight(await read_now(self.link, _host(self, "read_boot")))
        if sight is None:
            raise ResourceMissing(self.link.endpoint, "read_boot", "no boot source override found")
        return sight

    async def set_boot(self: Any, target: str, span: BootFor, mode: str = "") -> None:
        """Set the host's boot source override.  Raises DeviceError."""
        await self.link.change("PATCH", _host(self, "set_boot"), boot_change(target, span, mode))


async def _look(link: RedfishLink, uri: str) -> Document:
    """GET a resource as an effect goes out: a connection of its own, the pin, the session.  Raises as effects do."""
    answer = await link.once(
        uri, lambda call, engine, url, headers: look_once(call, engine, link.endpoint, url, headers, link.limits)
    )
    return answer.body


def _host(tray: Any, verb: str) -> str:
    where: str | None = tray.state.power.host
    if where is None:
        raise ResourceMissing(tray.link.endpoint, verb, "no host found")
    return where


async def read_now(link: RedfishLink, uri: str) -> Document:
    """Return a resource as it is now, before anything that is less urgent.  Raises DeviceError."""
    limits = link.limits
    return await link.get_decoded(
        uri, partial(parse, most_bytes=limits.most_bytes, most_depth=limits.most_depth), URGENT
    )
