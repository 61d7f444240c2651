"""Leaves a controller alone while it is flashed: its own task events say when that begins and ends.

A task counts as a flash when it came from the UpdateService.  An end that was not told of is found by asking for the
task once a minute; after half an hour the quiet is over in any case.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass

from firmware_bridge.drivers.redfish.link import NORMAL, RedfishLink
from firmware_bridge.vocabulary.errors import DeviceError, ResourceMissing
from firmware_bridge.wire.redfish.events import EventRecord
from firmware_bridge.wire.redfish.guard import Document, parse

LONGEST_FLASH = 1800.0
_TASKS = "/redfish/v1/TaskService/Tasks/"
_BEGUN = frozenset(("TaskStarted", "TaskResumed"))
_OVER = frozenset(("TaskCompletedOK", "TaskCompletedWarning", "TaskAborted", "TaskCancelled", "TaskRemoved"))
_OVER_STATES = frozenset(("Completed", "Killed", "Exception", "Cancelled"))
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(slots=True)
class FlashWatch:
    """What is known of a flash on one endpoint; `task` is the URI of the one that runs, empty when none does."""

    link: RedfishLink
    task: str = ""

    async def hear(self, records: Iterable[EventRecord]) -> None:
        """Take note of task events.  Never raises DeviceError."""
        for record in records:
            uri = task_of(record)
            if not uri:
                continue
            if record.message in _BEGUN and not self.task:
                await self._consider(uri)
            elif record.message in _OVER and uri == self.task:
                self._end()

    async def check(self) -> None:
        """Ask whether the flash that we know of is still under way.  Never raises DeviceError."""
        if not self.task:
            return
        try:
            document = await self.link.get_decoded(self.task, self._parsed, NORMAL)
        except ResourceMissing:
            self._end()  # it has started anew, and remembers no task
        except DeviceError:
            return
        else:
            if document.get("TaskState") in _OVER_STATES:
                self._end()

    async def _consider(self, uri: str) -> None:
        document = await self._read(uri)
        payload = document.get("Payload") if document is not None else None
        target = payload.get("TargetUri") if isinstance(payload, dict) else None
        if isinstance(target, str) and "/UpdateService" in target:
            self.task = uri
            name = uri.rsplit("/", 1)[-1]
            now = asyncio.get_running_loop().time()
            self.link.governor.be_quiet(now + LONGEST_FLASH, f"it is being flashed (task {name})")

    async def _read(self, uri: str) -> Document | None:
        try:
            return await self.link.get_decoded(uri, self._parsed, NORMAL)
        except DeviceError:
            return None

    def _parsed(self, raw: bytes) -> Document:
        return parse(raw, self.link.limits.most_bytes, self.link.limits.most_depth)

    def _end(self) -> None:
        self.task = ""
        self.link.governor.be_quiet(asyncio.get_running_loop().time(), "")


def task_of(record: EventRecord) -> str:
    """Return the URI of the task that an event tells of, empty when it tells of none."""
    if record.registry != "TaskEvent":
        return ""
    if "/Tasks/" in record.origin:
        return record.origin
    name = record.args[0] if record.args else ""
    return _TASKS + name if _ID.fullmatch(name) else ""
