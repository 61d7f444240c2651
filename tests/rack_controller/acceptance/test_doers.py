"""Who gives a live rack its stimuli: the controller that runs on this machine is ended, and nobody else is."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.patience import PATIENCE

from firmware_bridge.vocabulary.errors import CommandRefused
from rack_controller.acceptance.doers import ControllerRestarts
from rack_controller.acceptance.rig import Act

RESTART = Act("restart_controller")
WAITS = "import sys; print(flush=True); sys.stdin.read()"


@pytest.fixture(params=["rack_controller", "stranger"])
def child(request: pytest.FixtureRequest) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A process that is called so, until it is told to end."""
    command = [sys.executable, "-c", WAITS, request.param]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield request.param, process
        process.kill()


def ready(state: Path, said: Any) -> ControllerRestarts:
    (state / "ready.json").write_text(said if isinstance(said, str) else json.dumps(said))
    return ControllerRestarts(state)


def test_the_controller_is_told_to_end_and_a_process_that_has_its_number_by_now_is_not(
    child: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    name, process = child
    doer = ready(tmp_path, {"pids": {"controller": process.pid}})
    if name == "rack_controller":
        assert doer.can(RESTART, "")
        doer.do(RESTART, "")
        assert process.wait(10 * PATIENCE) == -signal.SIGTERM
    assert not doer.can(RESTART, "")
    with pytest.raises(CommandRefused, match="no controller runs here: see `rackwright doctor`"):
        doer.do(RESTART, "")
    if name == "stranger":
        assert process.poll() is None


@pytest.mark.parametrize(
    "said", ["", "[]", {}, {"pids": {}}, {"pids": {"controller": "x"}}, {"pids": {"controller": 0}}]
)
def test_where_none_is_known_none_can_be_ended(said: Any, tmp_path: Path) -> None:
    assert not ready(tmp_path, said).can(RESTART, "")
    assert not ControllerRestarts(tmp_path / "nowhere").can(RESTART, "")
