"""One question to the emulator that runs on a state directory, over its control channel."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.agent.emulated import SOCKET_NAME

ANSWER_WITHIN_S = 30.0


def ask_emulator(state: Path, advice: str, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return its reply; `ok` in it says whether it did what was asked.  Raises EnvironmentUnfit where none answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(ANSWER_WITHIN_S)
            handle = os.open(state, os.O_PATH | os.O_DIRECTORY)  # a socket's name holds 108 bytes
            try:
                link.connect(f"/proc/self/fd/{handle}/{SOCKET_NAME}")
            finally:
                os.close(handle)
            link.sendall(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
            reply: dict[str, Any] = json.loads(link.makefile("rb").readline())
    except (OSError, ValueError) as err:
        raise EnvironmentUnfit(f"no emulator answers in {state}: {err}", advice=advice) from err
    return reply
