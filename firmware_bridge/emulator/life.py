"""Whether an endpoint's BMC is there: away while it restarts, then on the network before it lets anybody in."""

from collections.abc import Callable
from dataclasses import dataclass, field

NEVER = float("-inf")


@dataclass(slots=True)
class Life:
    """One BMC's.  Times are emulated seconds; `on_restart` lets the listener and the sessions go."""

    now: Callable[[], float]
    on_restart: Callable[[], None] = field(default=lambda: None)
    away_until: float = NEVER
    ready_at: float = NEVER
    restarts: int = 0

    def restart(self, away: float, login: float) -> None:
        """Be gone for `away` seconds, and for `login` more be on the network and refuse every login."""
        self.away_until = self.now() + away
        self.ready_at = self.away_until + login
        self.restarts += 1
        self.on_restart()

    @property
    def away(self) -> bool:
        """Tell whether nobody answers now."""
        return self.now() < self.away_until

    @property
    def ready(self) -> bool:
        """Tell whether a login would work."""
        return self.now() >= self.ready_at

    def seconds_to_ready(self) -> float:
        """Return how long a login has still to wait, 0 when it need not."""
        return max(0.0, self.ready_at - self.now())
