"""`python -m rack_controller.agent`, `rackwright-agent`: the agent as a process."""

import sys


def run() -> None:
    """Run the command and exit with its code."""
    # nats-py loads aiohttp, where it is installed, for WebSockets: 20 MiB that no agent uses.
    sys.modules.setdefault("aiohttp", None)  # type: ignore[arg-type]
    from rack_controller.agent.command import main

    sys.exit(main())


if __name__ == "__main__":
    run()
