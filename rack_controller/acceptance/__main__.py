"""`python -m rack_controller.acceptance STATE RUN_ID`: one run as a process."""

import sys


def run() -> None:
    """Go on with a run and exit with its code."""
    from rack_controller.acceptance.runner import main

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
