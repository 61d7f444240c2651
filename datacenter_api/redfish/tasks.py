"""Tasks: there are none yet, and the service says so."""

import time

from datacenter_api.redfish.shapes import Body, collection, ref, resource, time_text
from datacenter_api.redfish.world import World


def build_task_service(_world: World, uri: str) -> Body:
    """Return the TaskService: no operation of this service lasts longer than its request."""
    return resource(
        "TaskService",
        uri,
        "Tasks",
        ServiceEnabled=True,
        CompletedTaskOverWritePolicy="Oldest",
        LifeCycleEventOnTaskStateChange=False,
        DateTime=time_text(time.time_ns() // 1_000_000_000 * 1_000_000_000),
        Status={"State": "Enabled", "Health": "OK"},
        Tasks=ref(f"{uri}/Tasks"),
    )


def build_tasks(_world: World, uri: str) -> Body:
    """Return the tasks: none."""
    return collection("Task", uri, "Tasks", [])
