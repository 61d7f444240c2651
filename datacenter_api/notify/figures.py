"""How telling people of alarms goes, for metrics and for whoever asks; never a URL, a password or an address."""

import msgspec


class TargetView(msgspec.Struct, frozen=True):
    """One webhook or mailbox.  `waiting`: news that did not arrive yet; `failing`: why not, empty while all is well."""

    name: str
    kind: str
    host: str
    priorities: list[int]
    signed: bool
    waiting: int
    delivered: int
    failed: int
    failing: str


class NotifyView(msgspec.Struct, frozen=True):
    """Everybody who is told.  `fault`: why the file is not used, empty when it is or there is none."""

    fault: str = ""
    targets: list[TargetView] = []


class Tried(msgspec.Struct, frozen=True):
    """What came of a test: `failing` empty when it arrived."""

    name: str
    failing: str
