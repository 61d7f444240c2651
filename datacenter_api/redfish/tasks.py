"""The TaskService and its tasks."""

import time

from datacenter_api.redfish.power.tasks import KEPT_S, task_body
from datacenter_api.redfish.shapes import Body, collection, ref, resource, time_text
from datacenter_api.redfish.world import World


def build_task_service(_world: World, uri: str) -> Body:
    """Return the TaskService."""
    return resource(
        "TaskService",
        uri,
        "Tasks",
        ServiceEnabled=True,
        CompletedTaskOverWritePolicy="Oldest",
        LifeCycleEventOnTaskStateChange=True,
        TaskAutoDeleteTimeoutMinutes=int(KEPT_S // 60),
        DateTime=time_text(time.time_ns() // 1_000_000_000 * 1_000_000_000),
        Status={"State": "Enabled", "Health": "OK"},
        Tasks=ref(f"{uri}/Tasks"),
    )


def build_tasks(world: World, uri: str) -> Body:
    """Return the tasks of this process."""
    return collection("Task", uri, "Tasks", list(world.tasks.tasks))


def build_task(world: World, _uri: str, name: str) -> Body | None:
    """Return one task."""
    task = world.tasks.tasks.get(name)
    return None if task is None else task_body(task)
