"""How much one endpoint may be asked now, from how it answers.  Pure: every method takes `now` (monotonic seconds).

Management controllers are small computers with other work to do: one that gets slow is asked less, one that says 429 or
503 is left alone for as long as it wants, one that is being flashed gets a safety read now and then and nothing else.
"""

from dataclasses import dataclass, field

from firmware_bridge.drivers.redfish.pace import NORMAL, URGENT
from firmware_bridge.vocabulary.attention import Attention, Pacing
from firmware_bridge.vocabulary.units import Seconds

SLOW_TIMES, SLOW_MARGIN = 4.0, 1.0
"""Slow: the newest answers take longer than four times the usual, and than that plus a second."""
MOST_FACTOR = 8.0
STEP_UP, STEP_DOWN = 5.0, 10.0  # s between two steps of the factor
QUIET_PERIOD = 5.0  # s between two safety reads of an endpoint that is left alone
WINDOW = 1.0  # s: the requests of one safety read belong together
LONGEST_HOLD = 300.0
USUAL_HOLD = 5.0
NOTED_FOR = 600.0  # s: a controller that refuses good logins is shown as such for so long after the last time
ANSWERS_LATELY = 3.0
_FEW = 8  # answers before there is a usual latency
_USUAL_SHARE, _NEW_SHARE = 0.02, 0.25
_BUSY = (429, 503)


@dataclass(slots=True)
class Governor:
    """What is remembered of one endpoint's answers.  `usual` and `recent` are latencies in s; `factor` stretches the
    periods of what is not urgent; `wrong_401s` counts requests refused with a login that was good after all."""

    usual: float = 0.0
    recent: float = 0.0
    answers: int = 0
    factor: float = 1.0
    stepped_at: float = 0.0
    good_at: float = float("-inf")
    held_until: float = float("-inf")
    quiet_until: float = float("-inf")
    why: str = ""
    wrong_401s: int = 0
    wrong_401_at: float = float("-inf")
    _next: dict[int, float] = field(default_factory=dict)  # by urgency: a power read must not put off a safety read
    _window_ends: dict[int, float] = field(default_factory=dict)

    def heard(self, seconds: float, now: float) -> None:
        """Take note of a good answer that took `seconds`; also of a request that was given up after them."""
        self.good_at = now
        self.answers += 1
        if self.answers <= _FEW:
            self.usual += (seconds - self.usual) / self.answers
            self.recent = self.usual
            return
        self.recent += (seconds - self.recent) * _NEW_SHARE
        if self.recent > max(self.usual * SLOW_TIMES, self.usual + SLOW_MARGIN):
            if self.factor < MOST_FACTOR and now - self.stepped_at >= STEP_UP:
                self.factor, self.stepped_at = min(MOST_FACTOR, self.factor * 2.0), now
            return
        self.usual += (seconds - self.usual) * _USUAL_SHARE
        if self.factor > 1.0 and now - self.stepped_at >= STEP_DOWN:
            self.factor, self.stepped_at = max(1.0, self.factor / 2.0), now

    def silent(self, seconds: float, now: float) -> None:
        """Take note of a request that got no answer for `seconds`."""
        good_at = self.good_at
        self.heard(seconds, now)
        self.good_at = good_at

    def refused(self, status: int, retry_after: float, now: float) -> None:
        """Take note of an error status.  One subtree that is away must not hold the whole endpoint: a 503 counts when
        nothing else has answered lately, a 429 always."""
        if status not in _BUSY or (status == 503 and now - self.good_at <= ANSWERS_LATELY):
            return
        hold = min(retry_after or USUAL_HOLD, LONGEST_HOLD)
        self.held_until = max(self.held_until, now + hold)
        self.why = f"it answered {status} and wants {hold:.0f} s"

    def wrongly_refused(self, now: float) -> None:
        """Take note of a 401 that the same login did not meet when the request was made once more."""
        self.wrong_401s, self.wrong_401_at = self.wrong_401s + 1, now

    def be_quiet(self, until: float, reason: str) -> None:
        """Leave the endpoint alone until then; a time that has passed ends it."""
        self.quiet_until, self.why = until, reason
        self._next.clear()

    def admits(self, urgency: int, now: float) -> bool:
        """Tell whether a read of this urgency may begin; saying yes to a rare one starts its pause."""
        period = self._period(urgency, now)
        if period <= 0.0 or now < self._window_ends.get(urgency, now):
            return True
        if period == float("inf") or now < self._next.get(urgency, now):
            return False
        self._next[urgency], self._window_ends[urgency] = now + period, now + WINDOW
        return True

    def _period(self, urgency: int, now: float) -> float:
        """Return how far apart reads of this urgency must be: 0 for no limit, infinity for not at all."""
        if now < self.quiet_until or now < self.held_until:
            return QUIET_PERIOD if urgency == URGENT else float("inf")
        if self.factor <= 1.0 or urgency > NORMAL:
            return 0.0  # patient reads keep their own, slower rate
        return self.factor if urgency == NORMAL else self.factor / 4.0

    def attention(self, now: float) -> Attention:
        """Return what people see of it."""
        if now < self.quiet_until:
            return Attention(Pacing.QUIET, Seconds(self.quiet_until), self.why)
        if now < self.held_until:
            return Attention(Pacing.HELD, Seconds(self.held_until), self.why)
        if self.factor > 1.0:
            text = f"answers take {self.recent:.1f} s, usually {self.usual:.2f} s"
            return Attention(Pacing.SLOW, None, text)
        return Attention(Pacing.FULL, None, self._doubtful_logins(now))

    def _doubtful_logins(self, now: float) -> str:
        if now - self.wrong_401_at > NOTED_FOR:
            return ""
        return f"it refused a good login for no reason (401), {self.wrong_401s}× so far"
