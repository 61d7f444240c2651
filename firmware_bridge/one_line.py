"""Options of a process that is run by itself: what is wrong with them is one line, as for every other command."""

import argparse
from typing import NoReturn

from firmware_bridge.vocabulary.errors import ConfigurationError


class OneLineParser(argparse.ArgumentParser):
    """An argument parser that raises ConfigurationError instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong, with the way to the help."""
        raise ConfigurationError(message, advice=f"see `{self.prog} --help`")
