"""Names on the bus: subjects, streams, accounts and who may say what.  The permissions themselves are data here."""

import re
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place, rack_name, site_of

ROOT = "rw.v1"
TELEMETRY_STREAM = "RW_TELEMETRY"
EVENT_STREAM = "RW_EVENT"
_TOKEN = re.compile(r"[a-z0-9][a-z0-9_-]*")


def token(part: str) -> str:
    """Check that `part` can stand in a subject.  Raises ValueError for dots, blanks and wildcards."""
    if not _TOKEN.fullmatch(part):
        raise ValueError(f"{part!r} cannot stand in a bus subject: expected lower-case letters, digits, '_' or '-'")
    return part


@dataclass(frozen=True, slots=True)
class RackSubjects:
    """The subjects of one rack."""

    site: str
    rack: str

    @property
    def prefix(self) -> str:
        """Return `rw.v1.<site>.<rack>`."""
        return f"{ROOT}.{token(self.site)}.{token(self.rack)}"

    @property
    def telemetry(self) -> str:
        """Frames, one a second, in JetStream."""
        return f"{self.prefix}.telemetry"

    @property
    def event(self) -> str:
        """Events, in JetStream."""
        return f"{self.prefix}.event"

    @property
    def outbox(self) -> str:
        """How many frames and events wait for their stream, and why: said on change and every few seconds."""
        return f"{self.prefix}.outbox"

    @property
    def state(self) -> str:
        """Requests for layout, table, endpoints, inventory."""
        return f"{self.prefix}.state"

    @property
    def state_changed(self) -> str:
        """Said without being asked when the table or an endpoint changes: what changed, not its content."""
        return f"{self.prefix}.state.changed"

    def agent_telemetry(self, slot: str) -> str:
        """What the agent on the host in `slot` says, once a second; `*` for all of the rack."""
        return f"{self.prefix}.agent.{slot if slot == '*' else token(slot)}.telemetry"

    def agent_cap(self, slot: str) -> str:
        """What the controller grants the GPUs of the host in `slot`; nobody else may say it."""
        return f"{self.prefix}.agent.{token(slot)}.cap"

    @property
    def command(self) -> str:
        """Commands, request and reply; only the API may publish."""
        return f"{self.prefix}.command"

    @property
    def console(self) -> str:
        """Questions about the rack's serial consoles, request and reply; only the API may publish."""
        return f"{self.prefix}.console"

    def console_live(self, place: Place) -> str:
        """Return where a console's bytes are said while somebody watches: `….console.<slot>.<name>`, in no stream."""
        slot, name = (token(part.replace(".", "_")) for part in place.split("/")[-2:])
        return f"{self.console}.{slot}.{name}"


def live_subject(subject: str) -> str:
    """Return where a frame or event is said, outside the stream, while the stream does not take it."""
    return f"{subject}.live"


def subjects_of(place: Place) -> RackSubjects:
    """Return the subjects of the rack that holds `place`."""
    return RackSubjects(site_of(place), rack_name(place))


@dataclass(frozen=True, slots=True)
class BusUser:
    """One process's rights on the bus.  `{site}` is filled in when the server's configuration is written; `deny`: what
    may not be published although `publish` allows it."""

    name: str
    account: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    deny: tuple[str, ...] = ()


# JetStream needs its API and acknowledgement subjects; each user gets only the calls that it makes.
_JS_READ = (
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.MSG.GET.*",
    "$JS.API.DIRECT.GET.>",
    "$JS.API.CONSUMER.>",
    "$JS.ACK.>",
    "$JS.FC.>",
)
_JS_OWN = ("$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.UPDATE.*")

BUS_USERS: tuple[BusUser, ...] = (
    BusUser(
        "controller",
        "RACK",
        publish=(
            "rw.v1.{site}.*.telemetry",
            "rw.v1.{site}.*.event",
            "rw.v1.{site}.*.telemetry.live",
            "rw.v1.{site}.*.event.live",
            "rw.v1.{site}.*.outbox",
            "rw.v1.{site}.*.state.changed",
            "rw.v1.{site}.*.console.*.*",
            "rw.v1.{site}.*.agent.*.cap",
            "_INBOX.>",
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.*",
            "$JS.API.STREAM.NAMES",
            *_JS_OWN,
        ),
        subscribe=(
            "rw.v1.{site}.*.state",
            "rw.v1.{site}.*.command",
            "rw.v1.{site}.*.console",
            "rw.v1.{site}.*.agent.*.telemetry",
            "_INBOX.>",
        ),
    ),
    BusUser(
        "api",
        "RACK",
        publish=("rw.v1.{site}.*.state", "rw.v1.{site}.*.command", "rw.v1.{site}.*.console", "_INBOX.>", *_JS_READ),
        subscribe=(
            "rw.v1.{site}.*.telemetry",
            "rw.v1.{site}.*.event",
            "rw.v1.{site}.*.telemetry.live",
            "rw.v1.{site}.*.event.live",
            "rw.v1.{site}.*.outbox",
            "rw.v1.{site}.*.state.changed",
            "rw.v1.{site}.*.console.*.*",
            "_INBOX.>",
        ),
    ),
    BusUser(
        "agent",
        "RACK",
        publish=("rw.v1.{site}.*.agent.*.telemetry",),
        subscribe=("rw.v1.{site}.*.agent.*.cap",),
    ),
    # The building says its own points, we say ours, and nobody says the other's.
    BusUser("bms", "BMS", publish=("BMS.v1.PUB.>",), subscribe=("BMS.>",)),
    BusUser(
        "rackwright",
        "BMS",
        publish=("BMS.v1.*.Value.>",),
        subscribe=("BMS.v1.PUB.>", "BMS.v1.PUB"),
        deny=("BMS.v1.PUB.>",),
    ),
)


def agent_user(rack: str) -> BusUser:
    """Return the rights of the agents of one rack's hosts: they may say what they read, in this rack only.

    No inbox: replies to the API travel there, and a tenant's host has no business hearing them.
    """
    prefix = f"rw.v1.{{site}}.{token(rack)}.agent.*"
    return BusUser(f"agent-{rack}", "RACK", (f"{prefix}.telemetry",), (f"{prefix}.cap",))
