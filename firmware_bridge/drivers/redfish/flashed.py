"""The firmware of a Redfish endpoint: its inventory, one image pushed once, the task of an update.  Decides nothing."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from firmware_bridge.drivers.redfish.link import NORMAL, RedfishLink
from firmware_bridge.drivers.redfish.tree import ROOT
from firmware_bridge.vocabulary.errors import ActionNotOffered, ResourceMissing
from firmware_bridge.vocabulary.firmware import FirmwareSight, UpdatePhase, UpdateSight
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document, parse
from firmware_bridge.wire.redfish.links import link_of, member_links
from firmware_bridge.wire.redfish.updates import PUSH_URI, apply_time, is_update, part_of, push_parts, update_sight

MOST_TASKS = 16  # the newest that are looked at
MOST_MARKER = 64


class Flashed:
    """Adds the port FirmwareTarget to a source with `link`, `clock` and `state.power`."""

    __slots__ = ()

    async def observe_firmware(self: Any, part: str = "") -> FirmwareSight:
        """Return what runs on its parts now (see the port).  Raises ActionNotOffered when it has no update service."""
        link: RedfishLink = self.link
        asked_at = self.clock.now()
        root = await _read(link, ROOT)
        service = await _service(link, root)
        inventory = link_of(service, "FirmwareInventory")
        members = [part] if part else [] if inventory is None else member_links(await _read(link, inventory))
        documents = await asyncio.gather(*(_read(link, uri) for uri in members))
        links = await _task_links(link, root)
        tasks, running = await _updates(link, links or ())
        most = service.get("MaxImageSizeBytes")
        controller = self.state.power.controller
        started = (await _read(link, controller)).get("LastResetTime") if controller is not None else None
        return FirmwareSight(
            asked_at,
            tuple(part_of(uri, document) for uri, document in zip(members, documents, strict=True)),
            offers=isinstance(service.get(PUSH_URI), str) and service.get("ServiceEnabled") is not False,
            most_bytes=most if isinstance(most, int) and most > 0 else 0,
            tasks=tasks,
            running=running,
            controller_marker=scrub(started, MOST_MARKER),
            remembers=links is not None,
        )

    async def push_image(self: Any, image: bytes, part: str) -> str:
        """Send one image for one part, once (see the port)."""
        link: RedfishLink = self.link
        service = await _service(link, await _read(link, ROOT))
        target = service.get(PUSH_URI)
        if not isinstance(target, str):
            raise ActionNotOffered(link.endpoint, "push_image", "it takes no image that is pushed to it")
        pieces, kind = push_parts(image, part, apply_time(service), f"rackwright-{secrets.token_hex(16)}")
        answer = await link.upload(target, pieces, kind)
        return answer.location or ""

    async def observe_update(self: Any, task: str) -> UpdateSight:
        """Return how far an update is (see the port)."""
        try:
            return update_sight(await _read(self.link, task))
        except ResourceMissing:
            return UpdateSight(UpdatePhase.GONE)


async def _service(link: RedfishLink, root: Document) -> Document:
    uri = link_of(root, "UpdateService")
    if uri is None:
        raise ActionNotOffered(link.endpoint, "observe_firmware", "it has no update service")
    return await _read(link, uri)


async def _updates(link: RedfishLink, tasks: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of a device's tasks are updates, and which of those are under way."""
    known, running = [], []
    for uri in tasks:
        try:
            document = await _read(link, uri)
        except ResourceMissing:
            continue
        if is_update(document):
            known.append(uri)
            if update_sight(document).phase is UpdatePhase.RUNNING:
                running.append(uri)
    return tuple(known), tuple(running)


async def _task_links(link: RedfishLink, root: Document) -> Sequence[str] | None:
    """Return the newest of a device's tasks, None where it keeps no list of them."""
    service = link_of(root, "Tasks")
    tasks = None if service is None else link_of(await _read(link, service), "Tasks")
    return None if tasks is None else member_links(await _read(link, tasks))[-MOST_TASKS:]


async def _read(link: RedfishLink, uri: str) -> Document:
    limits = link.limits
    return await link.get_decoded(uri, lambda raw: parse(raw, limits.most_bytes, limits.most_depth), NORMAL)
