"""Who changes something at an endpoint now: one command at a time, and whoever comes second is refused at once.

Nobody waits here: a command may go on after its caller has given up, and a repeat must not run beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from firmware_bridge.vocabulary.errors import CommandRefused
from firmware_bridge.vocabulary.place import Place


class Turns:
    """The changes under way at the endpoints of one rack."""

    def __init__(self) -> None:
        self._taken: dict[Place, str] = {}

    @contextmanager
    def take(self, place: Place, what: str) -> Iterator[None]:
        """Have an endpoint to oneself while the block runs.  Raises CommandRefused while somebody else has it."""
        if place in self._taken:
            raise CommandRefused(f"{self._taken[place]} of {place} is under way", advice="ask again when it has ended")
        self._taken[place] = what
        try:
            yield
        finally:
            del self._taken[place]
