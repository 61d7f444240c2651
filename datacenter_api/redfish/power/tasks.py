"""What takes time, as Tasks: what was asked of whom, how far it is, and what its monitor answers.

Tasks live as long as this process; what they have asked for goes on without them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from datacenter_api.redfish.shapes import ROOT, Body, ref, resource, time_text, told
from firmware_bridge.redfish_service.messages import RequestRefused, error_body
from firmware_bridge.redfish_service.source import Document, Outcome

SERVICE = f"{ROOT}/TaskService"
TASKS, MONITORS = f"{SERVICE}/Tasks", f"{SERVICE}/TaskMonitors"
REGISTRY = "TaskEvent.1.0"
MOST, KEPT_S = 200, 3_600.0
_AGAIN = (b"retry-after", b"1")
PLAIN_ANSWERS = ("aiohttp/",)
"""Programs, by a part of their User-Agent, that take a 202 for a failure: Badfish 1.8 goes by its library's name.

The device has answered by then, so they are told 204.  The task is there all the same."""


@dataclass(slots=True)
class Part:
    """What was asked of one tray.  `done` None: under way; `error`: why it did not come about."""

    tray: str
    place: str
    done: bool | None = None
    error: str = ""
    message_id: str = ""

    def fail(self, error: str, message_id: str) -> None:
        """Say that it did not come about."""
        self.done, self.error, self.message_id = False, error, message_id


@dataclass(slots=True)
class Task:
    """One request that is followed to its end.  Times are unix ns."""

    id: str
    name: str
    user: str
    target: str
    body: dict[str, Any]
    parts: list[Part]
    began_ns: int = field(default_factory=time.time_ns)
    ended_ns: int | None = None

    @property
    def uri(self) -> str:
        """Return where the task is."""
        return f"{TASKS}/{self.id}"

    @property
    def monitor(self) -> str:
        """Return where its answer will be."""
        return f"{MONITORS}/{self.id}"

    @property
    def failed(self) -> list[Part]:
        """Return what did not come about."""
        return [part for part in self.parts if part.done is False]

    @property
    def state(self) -> str:
        """Return the TaskState."""
        if self.ended_ns is None:
            return "Running"
        return "Exception" if self.failed else "Completed"

    @property
    def summary(self) -> str:
        """Return in one line how it went, or how far it is."""
        done = sum(part.done is True for part in self.parts)
        said = f"{done} of {len(self.parts)} done"
        return "; ".join([said, *(f"{part.tray}: {part.error}" for part in self.failed)])

    def end(self) -> None:
        """Say that nothing more will happen."""
        self.ended_ns = time.time_ns()


class TaskRoom:
    """The tasks of this service, the oldest forgotten first; those that ended are kept for an hour."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self._made = 0

    def open(self, name: str, user: str, target: str, body: dict[str, Any], parts: Sequence[Part]) -> Task:
        """Return a new task.  Raises RequestRefused when too many are under way."""
        self._tidy()
        if len(self.tasks) >= MOST:
            raise RequestRefused("ServiceTemporarilyUnavailable", "60", headers=((b"retry-after", b"60"),))
        self._made += 1
        task = Task(str(self._made), name, user, target, body, list(parts))
        self.tasks[task.id] = task
        return task

    def drop(self, name: str) -> None:
        """Forget a task that has ended.  Raises RequestRefused while it runs, and when there is none."""
        task = self.tasks.get(name)
        if task is None:
            raise RequestRefused("ResourceMissingAtURI", f"{TASKS}/{name}")
        if task.ended_ns is None:
            raise RequestRefused("ResourceInUse", detail="What the task asked for cannot be taken back; it ends.")
        del self.tasks[name]

    def _tidy(self) -> None:
        old = time.time_ns() - int(KEPT_S * 1e9)
        over = [t for t in self.tasks.values() if t.ended_ns is not None]
        spare = len(self.tasks) - MOST + 1
        for n, task in enumerate(over):
            if n < spare or (task.ended_ns or 0) < old:
                del self.tasks[task.id]


def task_body(task: Task) -> Body:
    """Return the Task."""
    share = 100 * sum(part.done is not None for part in task.parts) // max(1, len(task.parts))
    return resource(
        "Task",
        task.uri,
        task.name,
        Description=task.summary,
        TaskState=task.state,
        TaskStatus="Critical" if task.failed else "OK",
        StartTime=time_text(task.began_ns),
        **told(EndTime=None if task.ended_ns is None else time_text(task.ended_ns)),
        PercentComplete=100 if task.ended_ns is not None else share,
        TaskMonitor=task.monitor,
        HidePayload=False,
        Payload={"HttpOperation": "POST", "TargetUri": task.target, "JsonBody": orjson.dumps(task.body).decode()},
        Messages=[_message(part) for part in task.failed] or [_progress(task)],
    )


def accepted(task: Task, program: str = "") -> Outcome:
    """Return the answer to a request that has become a task: 202 with its monitor, 204 where a client needs that."""
    if any(name in program for name in PLAIN_ANSWERS):
        return Outcome(204)
    return Outcome(202, Document.of(task_body(task)), task.monitor, (_AGAIN,))


def monitor_document(task: Task) -> Document:
    """Return what a task's monitor answers: 202 while it runs, then what the request would have been answered with."""
    if task.ended_ns is None:
        where = (b"location", task.monitor.encode())
        return Document(orjson.dumps(task_body(task)), status=202, headers=(_AGAIN, where))
    done = RequestRefused("Success") if not task.failed else RequestRefused("GeneralError", detail=task.summary)
    return Document(orjson.dumps(error_body(done)), status=done.http_status)


def task_record(task: Task) -> Body:
    """Return the event that a task has begun or ended."""
    word, severity = ("TaskStarted", "OK")
    if task.ended_ns is not None:
        word, severity = ("TaskAborted", "Critical") if task.failed else ("TaskCompletedOK", "OK")
    return {
        "EventType": "Alert",
        "MemberId": "0",
        "EventTimestamp": time_text(task.ended_ns or task.began_ns),
        "MessageId": f"{REGISTRY}.{word}",
        "Message": f"Task {task.id}, {task.name}: {task.summary}.",
        "MessageArgs": [task.id],
        "MessageSeverity": severity,
        "OriginOfCondition": ref(task.uri),
    }


def _progress(task: Task) -> Body:
    word = "TaskCompletedOK" if task.ended_ns is not None else "TaskStarted"
    return {
        "MessageId": f"{REGISTRY}.{word}",
        "Message": task.summary,
        "MessageArgs": [task.id],
        "MessageSeverity": "OK",
    }


def _message(part: Part) -> Body:
    return {
        "MessageId": part.message_id,
        "Message": f"{part.tray}: {part.error}",
        "MessageArgs": [],
        "MessageSeverity": "Critical",
    }
