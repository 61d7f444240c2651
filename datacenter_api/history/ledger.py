"""Which messages of a rack are safely on disk, so that everything up to the last of them may be acknowledged.  Pure."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Mark:
    """One message that was delivered: where an acknowledgement goes, and whether its frame is on disk."""

    reply: str
    done: bool = False


@dataclass
class Ledger:
    """Messages in the order of delivery.  An acknowledgement covers all before it, so none may be left out."""

    _marks: deque[Mark] = field(default_factory=deque)
    _next: int = 1

    def __len__(self) -> int:
        return len(self._marks)

    def mark(self, delivery: int, reply: str) -> Mark:
        """Note a message by its number in the consumer's deliveries (from 1).

        Raises ValueError when a delivery is missing: it was sent and never came, and must be asked for again.
        """
        if delivery != self._next:
            raise ValueError(f"expected delivery {self._next}, got {delivery}")
        self._next += 1
        mark = Mark(reply)
        self._marks.append(mark)
        return mark

    def settle(self) -> str | None:
        """Return where to acknowledge everything that is done, None when nothing new is."""
        reply = None
        while self._marks and self._marks[0].done:
            reply = self._marks.popleft().reply
        return reply
