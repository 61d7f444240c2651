"""One emulated endpoint as a ResourceSource: its kind's template, its own few settings, its rack's plant."""

import datetime
import functools
import time
import uuid
from typing import Any

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.cabling import heard
from firmware_bridge.emulator.life import NEVER, Life
from firmware_bridge.emulator.live import WRITERS
from firmware_bridge.emulator.power import Ask
from firmware_bridge.emulator.template import DeviceTemplate, Node, Slot
from firmware_bridge.emulator.updating import SERVICE, TASKS, UpdateData, Updater
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import READ, READ_PATCH, Document, Outcome, Principal
from firmware_bridge.vocabulary.generation import Slot as RackSlot
from firmware_bridge.vocabulary.place import Place, slug

EPOCH = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_NAMESPACE = uuid.UUID("6d1f6c1e-6f0a-5b53-9d7a-3f0c5c6d7e10")
UP_SINCE_S = 9 * 86_400.0  # how long an emulated controller has been up when the emulator starts
HMC = "/HGX_"
CLOCK = "clock off by, in s"
INVENTORY = f"{SERVICE}/FirmwareInventory"
MOST_IMAGE = 209_715_200  # as UpdateService of the captured tray says
RESTORE = "PowerRestorePolicy"
OVERRIDE = "Boot/BootSourceOverride"
RESTORE_POLICIES = {"AlwaysOn": "on", "AlwaysOff": "off", "LastState": "last"}


class Device:
    """One endpoint at `address`.  `rack` is its row in the bench's arrays, `slot` its tray, `life` its BMC's."""

    __slots__ = (
        "address",
        "bench",
        "certificate",
        "hmc_back",
        "life",
        "place",
        "rack",
        "reset_at",
        "settings",
        "slot",
        "started_at",
        "template",
        "update",
    )

    def __init__(
        self,
        template: DeviceTemplate,
        bench: Bench,
        rack: int,
        slot: RackSlot,
        place: Place,
        address: str = "127.0.0.1",
        certificate: str = "",
    ) -> None:
        self.template, self.bench, self.rack, self.slot, self.place = template, bench, rack, slot, place
        self.address, self.certificate = address, certificate
        self.settings: dict[str, Any] = {}
        self.reset_at = self.started_at = time.time() - UP_SINCE_S  # s since 1970
        self.life = Life(lambda: bench.time)
        self.hmc_back = NEVER
        self.update = self._updater(template.update)
        if self.switches:
            bench.host(slot.tray.kind, rack, slot.index, template.power).on_boot = self._booted

    @property
    def switches(self) -> bool:
        """Tell whether it can switch its tray's host."""
        return any(action.verb in ("host_power", "aux_cycle") for action in self.template.actions.values())

    @property
    def tray(self) -> str:
        """Return its tray's place."""
        return self.place.rpartition("/")[0]

    def get(self, uri: str, principal: Principal | None) -> Document | None:
        """Return the resource as it is at this moment."""
        node = self.template.nodes.get(uri)
        if self.update is not None and uri.startswith(TASKS):
            return self.update.document(uri)
        if node is None or (self.hmc_back > self.bench.time and HMC in uri):
            return None
        bench, rack, tray = self.bench, self.rack, self.slot.index
        parts: list[bytes] = []
        for piece in node.pieces:
            if isinstance(piece, bytes):
                parts.append(piece)
            elif piece.reader is not None:
                parts.append(piece.shown(piece.reader(bench, rack, tray, piece.at)))
            else:
                parts.append(piece.shown(self._own_value(uri, piece)))
        return Document(b"".join(parts), READ_PATCH if node.writable else READ)

    def _own_value(self, uri: str, slot: Slot) -> Any:
        """Return what is this endpoint's own and not the plant's: settings, identity, time, place."""
        name, key = slot.name, slot.key
        if name == "set":
            return self.settings.get(f"{uri}#{key}", slot.default)
        if name == "serial":
            # Obviously emulated, unique by place: no real serial number looks like this.
            return f"EMU-{slug(self.place.rpartition('/')[0]).upper()}-{key}"
        if name == "uuid":
            return str(uuid.uuid5(_NAMESPACE, f"{self.place}/{key}"))
        if name == "mac":
            # Locally administered (IEEE 802c, second bit of the first octet): no maker's.
            return "02:52:57:" + uuid.uuid5(_NAMESPACE, f"{self.place}/{key}").bytes[:3].hex(":")
        if name == "address":
            return self.address
        if name == "certificate":
            return self.certificate
        if name == "neighbour":
            return heard(self.place, self.address, key)
        if name == "time" and key == "wall":
            return wall_text(time.time() + self.settings.get(f"{uri}#{CLOCK}", 0.0))
        if name == "time" and key == "boot":
            return wall_text(self._booted_at())
        if name == "time":
            return wall_text(self.reset_at) if key == "reset" else time_text(self.bench.time)
        if name == "firmware":
            return slot.default if self.update is None else self.update.versions.get(key, slot.default)
        if name == "place.tray_index":
            return self.slot.index
        if name == "place.unit":
            return self.slot.unit
        if name == "place.ordinal":
            return self.bench.ordinal(self.slot)
        raise LookupError(f"{self.template.device}: no live value named {name!r} on a {self.slot.tray.kind} tray")

    def _booted_at(self) -> float:
        """Return when the host last came up: with its controller, until it has been switched."""
        host = self.bench.hosts.get((self.slot.tray.kind, self.rack, self.slot.index))
        return self.started_at if host is None or host.booted_at is None else host.booted_at

    def _booted(self) -> None:
        """Use up a boot source that was set for one boot."""
        used = [key for key, value in self.settings.items() if key.endswith(f"#{OVERRIDE}Enabled") and value == "Once"]
        for key in used:
            where = key.removesuffix("Enabled")
            self.settings |= {key: "Disabled", f"{where}Target": "None"}

    def methods(self, uri: str) -> str:
        """Return POST for action targets, and for where images are pushed to."""
        return "POST" if uri in self.template.actions or self.uploads(uri) else ""

    def uploads(self, uri: str) -> int:
        """Return how many bytes a multipart body may have there, 0 where none is taken."""
        return MOST_IMAGE if self.update is not None and uri == self.update.data.push else 0

    async def upload(self, uri: str, parts: dict[str, bytes], principal: Principal) -> Outcome:
        """Take an image."""
        assert self.update is not None
        return self.update.take(parts)

    def privilege(self, uri: str, method: str) -> str:
        """Return the privilege that a change needs."""
        return "ConfigureComponents"

    async def patch(self, uri: str, changes: dict[str, Any], principal: Principal) -> Document | None:
        """Change settings; all of them or none."""
        node = self.template.nodes[uri]
        for path, value in _leaves(changes, ()):
            self._check(node, uri, path, value)
        for path, value in _leaves(changes, ()):
            slot = node.writable[path]
            if slot.name == "set":
                self.settings[f"{uri}#{slot.key}"] = value
            elif slot.name == "time":
                self.settings[f"{uri}#{CLOCK}"] = _moment(value) - time.time()
            else:
                WRITERS[slot.name](self.bench, self.rack, self.slot.index, slot.at, float(value), slot.after)
        return self.get(uri, principal)

    async def post(self, uri: str, body: dict[str, Any], principal: Principal) -> Outcome:
        """Run an action."""
        action = self.template.actions[uri]
        for name in body:
            if name != action.parameter:
                raise RequestRefused("ActionParameterNotSupported", name, uri)
        if action.parameter and action.parameter not in body:
            raise RequestRefused("ActionParameterMissing", uri, action.parameter)
        wanted = body[action.parameter] if action.parameter else action.means
        if action.parameter and wanted not in action.allowed:
            raise RequestRefused("ActionParameterValueNotInList", str(wanted), action.parameter, uri)
        self._act(action.verb, wanted, action.at)
        return Outcome(204)

    async def delete(self, uri: str, principal: Principal) -> Outcome:
        """Refuse: hardware is not deleted."""
        raise RequestRefused("OperationNotAllowed")

    def lose_mains(self, dark: float) -> None:
        """Lose all power for `dark` emulated seconds: its host does what it is set to when power comes back."""
        data = self.template.power
        self.bench.host(self.slot.tray.kind, self.rack, self.slot.index, data).cut(dark, self._restores())
        self.bench.forget_limits(self.slot.tray.kind, self.rack, self.slot.index)
        self.life.restart(dark + data.bmc_s, data.login_s)
        self.hmc_back = self.bench.time + dark + data.bmc_s + data.hmc_s

    def _updater(self, data: UpdateData | None) -> Updater | None:
        if data is None:
            return None
        bench, power = self.bench, self.template.power
        restart = lambda: self.life.restart(power.bmc_s, power.login_s)  # noqa: E731
        now = lambda: bench.time  # noqa: E731
        return Updater(data, self._writable_firmware, now, bench.later, self.life, restart, wall_text)

    def _writable_firmware(self) -> dict[str, str]:
        """Return the software id of each part whose firmware can be written, by URI."""
        found = {}
        for uri in self.template.nodes:
            document = self.get(uri, None) if uri.startswith(f"{INVENTORY}/") else None
            if document is not None and document.body.get("Updateable") and not document.body.get("WriteProtected"):
                found[uri] = str(document.body.get("SoftwareId", ""))
        return found

    def _act(self, verb: str, wanted: str, at: int) -> None:
        data = self.template.power
        if verb == "bmc_reset":
            self.life.restart(data.bmc_s, data.login_s)
        elif verb == "hmc_reset":
            self.hmc_back = self.bench.time + data.hmc_s
        elif verb == "supply_power":
            if not self.bench.supply(self.rack, self.slot.index, at, data).ask(Ask(wanted)):
                raise RequestRefused("ResourceInUse")
        elif verb == "unit_mode":
            if not self.bench.unit(self.rack).ask(Ask.ON if wanted == "Enabled" else Ask.FORCE_OFF):
                raise RequestRefused("ResourceInUse")
        else:
            host = self.bench.host(self.slot.tray.kind, self.rack, self.slot.index, data)
            if verb == "aux_cycle":
                host.cut(data.aux_s, self._restores())
                self.bench.forget_limits(self.slot.tray.kind, self.rack, self.slot.index)
                self.life.restart(data.aux_s, data.login_s)
                self.hmc_back = self.bench.time + data.aux_s + data.hmc_s
            elif not host.ask(Ask(wanted)):
                raise RequestRefused("ResourceInUse")

    def _restores(self) -> str:
        """Return what the host does when power comes back: its setting where it has one, else its device file's."""
        set_to = next((v for k, v in self.settings.items() if k.endswith(f"#{RESTORE}")), None)
        return RESTORE_POLICIES.get(str(set_to), self.template.power.after_aux)

    def _check(self, node: Node, uri: str, path: tuple[str, ...], value: Any) -> None:
        pointer = "#/" + "/".join(path)
        slot = node.writable.get(path)
        document = self.get(uri, None)
        if slot is None:
            shown: Any = document.body if document else {}
            for step in path:
                if not isinstance(shown, dict) or step not in shown:
                    raise RequestRefused("PropertyUnknown", path[-1], related=(pointer,))
                shown = shown[step]
            raise RequestRefused("PropertyNotWritable", path[-1], related=(pointer,))
        if slot.name == "set":
            fits = type(value) is type(slot.default)
            if fits and slot.allowed and value not in slot.allowed:
                raise RequestRefused("PropertyValueNotInList", str(value), path[-1], related=(pointer,))
        elif slot.name == "time":
            fits = isinstance(value, str)
            if fits and not _is_moment(value):
                raise RequestRefused("PropertyValueFormatError", value, path[-1], related=(pointer,))
        else:
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not fits:
            raise RequestRefused("PropertyValueTypeError", str(value), path[-1], related=(pointer,))
        if (slot.least is not None and value < slot.least) or (slot.most is not None and value > slot.most):
            raise RequestRefused("PropertyValueOutOfRange", str(value), path[-1], related=(pointer,))


def _moment(text: str) -> float:
    """Return s since 1970 of a time with its offset.  Raises ValueError."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no offset in {text}")
    return moment.timestamp()


def _is_moment(text: str) -> bool:
    try:
        _moment(text)
    except (ValueError, OverflowError):
        return False
    return True


def wall_text(at: float | None = None) -> str:
    """Return the time of day as a device whose clock is set right writes it; `at` in s since 1970."""
    moment = datetime.datetime.now(datetime.UTC) if at is None else datetime.datetime.fromtimestamp(at, datetime.UTC)
    return moment.isoformat(timespec="milliseconds")


@functools.lru_cache(maxsize=64)
def time_text(seconds: float) -> str:
    """Return emulated time as a device writes it."""
    return (EPOCH + datetime.timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def _leaves(changes: dict[str, Any], path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, value in changes.items():
        if isinstance(value, dict) and value:
            found += _leaves(value, (*path, key))
        else:
            found.append(((*path, key), value))
    return found
