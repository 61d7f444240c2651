"""`python -m rack_controller`, `rackwright control`: the controller as a process."""

import sys

from firmware_bridge.long_running import begin


def run() -> None:
    """Run the controller and exit with its code."""
    begin()
    from rack_controller.control import main

    sys.exit(main())


if __name__ == "__main__":
    run()
