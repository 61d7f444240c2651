"""What the Redfish service has counted since the API started.  Imports nothing: everybody's start knows it."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class RedfishFigures:
    """`delivered`, `dropped` are events, `failed` attempts, `unfit` attempts or wishes at a forbidden destination.

    `refused` are answers by HTTP status from 400 on.
    """

    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    unfit: int = 0
    refused: Counter[int] = field(default_factory=Counter)

    def note(self, status: int) -> None:
        """Count an answer."""
        if status >= 400:
            self.refused[status] += 1

    def pushes(self) -> dict[str, int]:
        """Return the counts of pushed events by outcome."""
        outcomes = ("delivered", "failed", "dropped", "unfit")
        return {name: getattr(self, name) for name in outcomes}
