"""`python -m rack_controller.agent`, `rackwright-agent`: the agent as a process."""

import sys

from firmware_bridge.long_running import begin


def run() -> None:
    """Run the command and exit with its code."""
    begin()
    from rack_controller.agent.command import main

    sys.exit(main())


if __name__ == "__main__":
    run()
