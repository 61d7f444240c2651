"""`python -m datacenter_api --state DIR [--listen HOST:PORT]`: the API as `rackwright up` starts it."""

import argparse
import logging
import sys
from pathlib import Path

from datacenter_api.listen import DEFAULT_LISTEN, parse_listen
from firmware_bridge.long_running import begin
from firmware_bridge.vocabulary.errors import RackwrightError


def main() -> int:
    """Serve; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m datacenter_api", description="Serve the datacenter API.")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--listen", default=DEFAULT_LISTEN)
    parser.add_argument("--no-console", action="store_true")
    parser.add_argument("--log-level", default="WARNING", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    options = parser.parse_args()
    logging.basicConfig(
        level=options.log_level, stream=sys.stderr, format="%(asctime)s api %(levelname)s %(name)s: %(message)s"
    )
    begin()
    try:
        parse_listen(options.listen)  # before all that serves is loaded: a wrong address is told at once
        from datacenter_api.server import serve

        serve(options.state, options.listen, console=not options.no_console)
    except RackwrightError as err:
        print(f"rackwright: {err}", file=sys.stderr)
        return err.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
