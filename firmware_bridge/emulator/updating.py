"""The update service of one emulated BMC: takes an image, writes it for as long as its kind takes, and starts anew.

It goes by the package's own header: which parts it is for, and which version they have afterwards.  A controller that
restarts while it writes leaves the part as it was, and forgets its tasks, as real ones do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from firmware_bridge.emulator.life import Life
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Document, Outcome
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.pldm.package import Package, read_package

SERVICE = "/redfish/v1/UpdateService"
TASKS = "/redfish/v1/TaskService/Tasks"
STEP_PERCENT = 20  # open-nvfwupd shows 20, 40, … 100
RESTART_AFTER_S = 2.0
Tell = Callable[[dict[str, object]], object]
Later = Callable[[float, Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class UpdateData:
    """What an update takes, in emulated seconds; `update:` of a device file.

    `push`: where images are posted.  `seconds`: how long one is written.  `restarts`: parts (Ids of the inventory)
    after which the BMC starts anew, and only then runs what was written.
    """

    push: str
    seconds: float = 90.0
    restarts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Task:
    number: int
    began: float
    takes: float
    life: int
    started: str
    targets: tuple[str, ...]
    state: str = "Running"
    messages: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Updater:
    """One BMC's.  `items`: what of its inventory can be written, `SoftwareId` by URI; `now`, `later` in emulated s;
    `restart` starts it anew.

    `versions`: what runs by now, by the Id of its part, where it was written; `tell` sends an event.
    """

    data: UpdateData
    items: Callable[[], dict[str, str]]
    now: Callable[[], float]
    later: Later
    life: Life
    restart: Callable[[], None]
    wall: Callable[[], str]
    seconds: float = 0.0
    tell: Tell = field(default=lambda _record: None)
    versions: dict[str, str] = field(default_factory=dict)
    taken: int = 0  # images since the emulator started
    _tasks: dict[str, _Task] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seconds = self.data.seconds

    def document(self, uri: str) -> Document | None:
        """Return a task or the collection of them, None for anything else."""
        if uri == TASKS:
            members = [{"@odata.id": at} for at in self._known()]
            kind = {"@odata.type": "#TaskCollection.TaskCollection", "Name": "Task Collection"}
            return Document.of({"@odata.id": uri, **kind, "Members@odata.count": len(members), "Members": members})
        task = self._known().get(uri)
        return None if task is None else Document.of({"@odata.id": uri, **self._body(task)})

    def take(self, parts: dict[str, bytes]) -> Outcome:
        """Take a pushed image and begin to write it.  Raises RequestRefused."""
        if "UpdateFile" not in parts:
            raise RequestRefused("PropertyMissing", "UpdateFile")
        if any(task.state == "Running" for task in self._known().values()):
            raise RequestRefused("ResourceInUse")
        wanted = _targets(parts.get("UpdateParameters", b"{}"))
        items = self.items()
        for uri in wanted:
            if uri not in items:
                raise RequestRefused("ResourceMissingAtURI", uri)
        self.taken += 1
        number = self.taken
        task = _Task(number, self.now(), self.seconds, self.life.restarts, self.wall(), wanted)
        uri = f"{TASKS}/{number}"
        self._tasks[uri] = task
        self._say(task, uri, "TaskStarted", "OK", f"The task with Id '{number}' has started.")
        try:
            package = read_package(parts["UpdateFile"])
        except ValueError as err:
            why = f"Verification failed: {err}."
            self.later(1.0, lambda: self._end(task, uri, "Exception", why))
        else:
            self.later(task.takes, lambda: self._written(task, uri, package))
        return Outcome(202, Document.of({"@odata.id": uri, **self._body(task)}), uri)

    def _written(self, task: _Task, uri: str, package: Package) -> None:
        if task.life != self.life.restarts:
            return  # it was interrupted: nothing of it counts
        items = self.items()
        meant = task.targets or tuple(at for at in items if "/HGX_" not in at)
        fresh = {
            at.rsplit("/", 1)[-1]: component.version
            for component in package.components
            for at in meant
            if items[at] in ("", component.software_id)
        }
        if not fresh:
            self._end(task, uri, "Exception", "No component of the package is for this device.")
            return
        self._end(task, uri, "Completed", "The update succeeded.")
        restarting = [name for name in fresh if name in self.data.restarts]
        self.versions |= {name: version for name, version in fresh.items() if name not in restarting}
        if restarting:
            self.later(RESTART_AFTER_S, lambda: self._activate({name: fresh[name] for name in restarting}))

    def _activate(self, fresh: dict[str, str]) -> None:
        self.versions |= fresh
        self.restart()

    def _end(self, task: _Task, uri: str, state: str, text: str) -> None:
        if task.life != self.life.restarts:
            return
        task.state = state
        done = state == "Completed"
        self._say(task, uri, "TaskCompletedOK" if done else "TaskAborted", "OK" if done else "Critical", text)

    def _say(self, task: _Task, uri: str, message: str, severity: str, text: str) -> None:
        record = {
            "MessageId": f"TaskEvent.1.0.3.{message}",
            "MessageSeverity": severity,
            "Message": text,
            "MessageArgs": [str(task.number)],
        }
        task.messages.append({"MessageId": str(record["MessageId"]), "Message": text, "Severity": severity})
        self.tell({**record, "Severity": severity, "OriginOfCondition": {"@odata.id": uri}})

    def _known(self) -> dict[str, _Task]:
        """Return the tasks of this life of the BMC."""
        return {uri: task for uri, task in self._tasks.items() if task.life == self.life.restarts}

    def _body(self, task: _Task) -> dict[str, Any]:
        share = 1.0 if task.takes <= 0 else min(1.0, (self.now() - task.began) / task.takes)
        percent = 100 if task.state == "Completed" else int(share * 100) // STEP_PERCENT * STEP_PERCENT
        return {
            "@odata.type": "#Task.v1_4_3.Task",
            "Id": str(task.number),
            "Name": f"Task {task.number}",
            "TaskState": task.state,
            "TaskStatus": "Critical" if task.state == "Exception" else "OK",
            "PercentComplete": min(percent, 100 if task.state != "Running" else 100 - STEP_PERCENT),
            "StartTime": task.started,
            "Messages": task.messages,
            "Payload": {"HttpOperation": "POST", "TargetUri": self.data.push, "HttpHeaders": [], "JsonBody": ""},
        }


def update_data(stated: dict[str, Any] | None) -> UpdateData | None:
    """Return a device file's `update`.  Raises ConfigurationError for what cannot be."""
    if stated is None:
        return None
    try:
        data = UpdateData(**{**stated, "restarts": tuple(stated.get("restarts", ()))})
    except TypeError as err:
        raise ConfigurationError(f"update: {err}", advice="see seeds/devices/README.md") from err
    if not isinstance(data.seconds, int | float) or not 0 <= data.seconds <= 3600 or not data.push.startswith("/"):
        raise ConfigurationError(f"update: {stated!r}", advice="write a path and 0 to 3600 seconds")
    return data


def _targets(raw: bytes) -> tuple[str, ...]:
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError as err:
        raise RequestRefused("MalformedJSON") from err
    targets = said.get("Targets", []) if isinstance(said, dict) else None
    if not isinstance(targets, list) or not all(isinstance(t, str) for t in targets):
        raise RequestRefused("PropertyValueTypeError", str(targets)[:80], "Targets", related=("#/Targets",))
    return tuple(targets)
