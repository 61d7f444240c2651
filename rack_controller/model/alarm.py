"""Alarms as ISA-18.2 has them: one condition of one place that wants somebody's answer, and how far that has come.

There is one list of them, whatever raises one: an interlock row, a reading, a silent endpoint, something that was told.
"""

from enum import StrEnum

import msgspec

from firmware_bridge.vocabulary.place import RACK_PARTS
from firmware_bridge.wire.alarms import Branch, Flood, Seen
from rack_controller.model.event import Severity

HOUR_NS = 3_600_000_000_000
MOST_SHELVED_MINUTES = 480
"""Eight hours: nobody shelves an alarm into the next shift and forgets it."""
MOST_REASON = 200
SEVERITIES = {1: Severity.CRITICAL, 2: Severity.CRITICAL, 3: Severity.WARNING, 4: Severity.WARNING}
"""How severe an alarm is, by its priority."""
PRIORITIES = {1: "critical", 2: "high", 3: "medium", 4: "low"}


def spot_of(place: str) -> str:
    """Return a place within its rack (`u21/gpu1`), the rack's name for the rack itself."""
    parts = place.split("/")
    return "/".join(parts[RACK_PARTS:]) or parts[-1]


class AlarmState(StrEnum):
    """Where an alarm stands.  Normal has no line: there is no such alarm."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned_unacknowledged"
    SHELVED = "shelved"
    OUT_OF_SERVICE = "out_of_service"
    SUPPRESSED = "suppressed"


UNSEEN = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED)
SPEAKING = (*UNSEEN, AlarmState.ACKNOWLEDGED)
"""The states that want an answer: not shelved, out of service or hidden."""


class AlarmAct(StrEnum):
    """What a person does to an alarm."""

    ACK = "ack"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    OUT_OF_SERVICE = "out_of_service"
    RETURN = "return"


class AlarmDefinition(msgspec.Struct, frozen=True):
    """What one alarm means.  `interlock`: it is a row of the interlock table, and its lock hides nothing of it.
    `silenceable` false: it is never shelved, taken out of service or hidden.  `seen` None: the interlocks say so."""

    name: str
    title: str
    priority: int
    cause: str
    consequence: str
    response: str
    seen: Seen | None = None
    interlock: bool = False
    silenceable: bool = True
    in_maintenance: bool = False
    needs_ack: bool = True
    folds: bool = False


class AlarmCatalogue(msgspec.Struct, frozen=True):
    """Every alarm that one rack may have, by name, and which hides which."""

    definitions: dict[str, AlarmDefinition]
    tree: list[Branch]
    flood: Flood


class Alarm(msgspec.Struct, frozen=True):
    """One alarm at one place, `detail` telling it from others of its name there (a bit, an XID).

    `active`: its condition holds, as far as is known.  `owed`: nobody has acknowledged it yet.  `hidden_by`: the id of
    the alarm that caused it, or who works there; `times`: how often it was raised.  Times are the wall clock's;
    `returned_unix_ns` 0 while it is active, `shelved_until_unix_ns` 0 while it is not shelved.
    """

    id: str
    name: str
    place: str
    detail: str
    text: str
    raised_unix_ns: int
    active: bool = True
    owed: bool = True
    times: int = 1
    returned_unix_ns: int = 0
    acknowledged_by: str = ""
    acknowledged_unix_ns: int = 0
    shelved_by: str = ""
    shelved_reason: str = ""
    shelved_until_unix_ns: int = 0
    out_by: str = ""
    out_reason: str = ""
    out_unix_ns: int = 0
    hidden_by: str = ""

    @property
    def state(self) -> AlarmState:
        """Return where it stands: what a person did outranks what is seen."""
        if self.out_by:
            return AlarmState.OUT_OF_SERVICE
        if self.shelved_by:
            return AlarmState.SHELVED
        if self.active and self.hidden_by:
            return AlarmState.SUPPRESSED
        if not self.active:
            return AlarmState.RETURNED
        return AlarmState.UNACKNOWLEDGED if self.owed else AlarmState.ACKNOWLEDGED

    @property
    def speaks(self) -> bool:
        """Return whether it is shown among those that want an answer."""
        return self.state in SPEAKING


class AlarmView(msgspec.Struct, frozen=True):
    """One alarm as people and tools see it, its definition's words beside it.

    `why` says what its state comes from (who, until
    when, what caused it); `chain`: what caused it and what followed, first cause first; `acts`: what may be done to it.
    """

    id: str
    name: str
    place: str
    detail: str
    title: str
    text: str
    priority: int
    severity: Severity
    state: AlarmState
    active: bool
    interlock: bool
    times: int
    raised_unix_ns: int
    returned_unix_ns: int
    cause: str
    consequence: str
    response: str
    why: str
    hidden_by: str
    chain: list[str]
    acts: list[AlarmAct]


class AlarmBrief(msgspec.Struct, frozen=True):
    """One alarm that wants an answer, in few words: what each tray of a rack shows."""

    id: str
    name: str
    place: str
    title: str
    text: str
    priority: int
    severity: Severity
    state: AlarmState
    interlock: bool
    raised_unix_ns: int
    consequence: str
    response: str


class AlarmLine(msgspec.Struct, frozen=True):
    """One line of the list that an operator works from: the first alarm of its name, and how many more there are."""

    first: AlarmView
    count: int


class AlarmGlance(msgspec.Struct, frozen=True):
    """A rack's alarms in short; travels with its endpoints.

    `counts`: by priority and state, every pair.  `lines`: what wants an answer, the most urgent first, folded; `briefs`
    the same one by one, the most urgent of them.  `silenced`: ids of what is shelved, out of service or hidden.
    `recent`: raised within the flood's span; `flood`: too many.
    `refused`: how many find no room in the list now.
    """

    counts: dict[str, dict[str, int]] = {}
    lines: list[AlarmLine] = []
    briefs: list[AlarmBrief] = []
    silenced: list[str] = []
    recent: int = 0
    flood: bool = False
    refused: int = 0


class AlarmList(msgspec.Struct, frozen=True):
    """The reply to `state` with want=alarms: every alarm that is not normal, the most urgent first."""

    rack: str
    armed: bool
    glance: AlarmGlance
    alarms: list[AlarmView]
