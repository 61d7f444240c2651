"""Every way an emulated device can misbehave: its name, where it strikes, what it does.  A table; it does nothing."""

from dataclasses import dataclass
from enum import StrEnum


class Layer(StrEnum):
    """Who carries a fault out."""

    REPLY = "reply"  # the door of an HTTPS endpoint
    CERTIFICATE = "certificate"  # its TLS listener
    EVENT = "event"  # its event source
    PLANT = "plant"  # the physics
    UNIT = "unit"  # one unit on a serial line
    VALUE = "value"  # what registers of a unit say
    LINE = "line"  # a whole serial line
    HOST = "host"  # an emulated GPU host
    CONSOLE = "console"  # a serial console
    BUILDING = "building"  # what the building says of a rack, and does there


class FaultKind(StrEnum):
    """The closed list of kinds; `KINDS` says what each is."""

    HANG = "hang"
    RESET = "reset"
    SLOW = "slow"
    DRIP = "drip"
    HALF_BODY = "half_body"
    NESTED = "nested"
    NAN = "nan"
    HUGE = "huge"
    ENDLESS = "endless"
    GZIP = "gzip"
    REDIRECT = "redirect"
    FOREIGN_LINK = "foreign_link"
    HOSTILE_TEXT = "hostile_text"
    SAYS = "says"
    STATUS = "status"
    WRONG_ETAG = "wrong_etag"
    LOST_RESPONSE = "lost_response"
    TASK_VANISHES = "task_vanishes"
    REBOOT = "reboot"
    STALE_VERSION = "stale_version"
    CLOCK_1970 = "clock_1970"
    OTHER_PLACE = "other_place"
    OTHER_NEIGHBOUR = "other_neighbour"
    HMC_ABSENT = "hmc_absent"
    WRONG_CERTIFICATE = "wrong_certificate"
    EXPIRED_CERTIFICATE = "expired_certificate"
    DUPLICATE_EVENT = "duplicate_event"
    LATE_EVENT = "late_event"
    LOST_EVENT = "lost_event"
    METRIC_REPORT = "metric_report"
    LEAK = "leak"
    PSU_FAIL = "psu_fail"
    TRAY_OFF = "tray_off"
    PUMP_FAIL = "pump_fail"
    BBU_FAIL = "bbu_fail"
    REMOVED = "removed"
    DAMP_AIR = "damp_air"
    WARM_WATER = "warm_water"
    CAP_IGNORED = "cap_ignored"
    LEAK_UNPLUGGED = "leak_unplugged"
    CRC_STORM = "crc_storm"
    WRONG_UNIT = "wrong_unit"
    LATE_REPLY = "late_reply"
    REPLY_GAP = "reply_gap"
    DUPLICATE_ADDRESS = "duplicate_address"
    EXCEPTION = "exception"
    SILENCE = "silence"
    STUCK = "stuck"
    SIGN_FLIP = "sign_flip"
    BUS_STUCK = "bus_stuck"
    BABBLE = "babble"
    TWO_MASTERS = "two_masters"
    NVML_MISSING = "nvml_missing"
    GPU_LOST = "gpu_lost"
    RESET_PENDING = "reset_pending"
    WRONG_RESULTS = "wrong_results"
    GPU_RESET = "gpu_reset"
    DRIVER_RELOAD = "driver_reload"
    LIMIT_FORBIDDEN = "limit_forbidden"
    HTML = "html"
    PORT_DOWN = "port_down"
    HIGH_BER = "high_ber"
    FABRIC_MANAGER_DOWN = "fabric_manager_down"
    WRONG_VERSION = "wrong_version"
    XID = "xid"
    AGENT_SILENT = "agent_silent"
    CONSOLE_LINE = "console_line"
    CONSOLE_FLOOD = "console_flood"
    CONSOLE_DROP = "console_drop"
    CONSOLE_KEY = "console_key"
    BUILDING_SILENT = "building_silent"
    BUILDING_STUCK = "building_stuck"
    BUILDING_LIES = "building_lies"
    BUILDING_LEAK = "building_leak"
    BUILDING_SENSOR_FAULT = "building_sensor_fault"
    BUILDING_QUALITY = "building_quality"
    BUILDING_CLOCK = "building_clock"
    BUILDING_NONSENSE = "building_nonsense"


@dataclass(frozen=True, slots=True)
class KindSpec:
    """One kind: the layers that carry it out, what happens, which details of a fault it reads, its usual URIs."""

    layers: tuple[Layer, ...]
    does: str
    reads: tuple[str, ...] = ()
    uri: str = "*"


_K, _REPLY, _UNIT = FaultKind, (Layer.REPLY,), (Layer.UNIT,)
_BUILDING = (Layer.BUILDING,)

KINDS: dict[FaultKind, KindSpec] = {
    _K.HANG: KindSpec(_REPLY, "a request is taken and never answered"),
    _K.RESET: KindSpec(_REPLY, "the connection is reset instead of an answer"),
    _K.SLOW: KindSpec(_REPLY, "the answer comes after some seconds", ("seconds",)),
    _K.DRIP: KindSpec(_REPLY, "the answer comes byte by byte, one every so many seconds", ("seconds",)),
    _K.HALF_BODY: KindSpec(_REPLY, "half of the promised bytes, then the connection ends"),
    _K.NESTED: KindSpec(_REPLY, "100,000 nested lists"),
    _K.NAN: KindSpec(_REPLY, "a number is NaN, which is no JSON"),
    _K.HUGE: KindSpec(_REPLY, "a body of 1 GB"),
    _K.ENDLESS: KindSpec(_REPLY, "chunks without end and without a length"),
    _K.GZIP: KindSpec(_REPLY, "a small compressed body that unpacks to 1 GB, unasked"),
    _K.REDIRECT: KindSpec(_REPLY, "a 302 to another address", ("location",)),
    _K.FOREIGN_LINK: KindSpec(_REPLY, "the first link of the body leads to another address", ("location",)),
    _K.HOSTILE_TEXT: KindSpec(_REPLY, "names carry line breaks, escape sequences and reversed writing"),
    _K.SAYS: KindSpec(_REPLY, "a property says something else: `Property=value` in `text`", ("text",)),
    _K.STATUS: KindSpec(_REPLY, "an error status; 401 with a probability is a storm of lost logins", ("status",)),
    _K.WRONG_ETAG: KindSpec(_REPLY, "entity tags differ on every read and no If-Match ever fits"),
    _K.LOST_RESPONSE: KindSpec(_REPLY, "the request is carried out, and the connection is reset before the answer"),
    _K.TASK_VANISHES: KindSpec(_REPLY, "a task that was there is not found", uri="*/Tasks/*"),
    _K.REBOOT: KindSpec(
        _REPLY, "a request makes the BMC reboot; with `uri: */Tasks/*` in the middle of a task", ("seconds",)
    ),
    _K.STALE_VERSION: KindSpec(_REPLY, "firmware versions read as they were before an update", ("text",)),
    _K.CLOCK_1970: KindSpec(_REPLY, "the BMC's clock stands in 1970"),
    _K.OTHER_PLACE: KindSpec(_REPLY, "the tray says it stands in another slot: `slot/index` in `text`", ("text",)),
    _K.OTHER_NEIGHBOUR: KindSpec(
        _REPLY, "the management cable is plugged in elsewhere: `switch/port` in `text`", ("text",)
    ),
    _K.HMC_ABSENT: KindSpec(_REPLY, "the subtree behind the BMC is not found", uri="*/HGX_*"),
    _K.WRONG_CERTIFICATE: KindSpec((Layer.CERTIFICATE,), "another key than the pinned one"),
    _K.EXPIRED_CERTIFICATE: KindSpec((Layer.CERTIFICATE,), "the pinned key in a certificate that has ended"),
    _K.DUPLICATE_EVENT: KindSpec((Layer.EVENT,), "an event comes twice"),
    _K.LATE_EVENT: KindSpec((Layer.EVENT,), "an event comes some seconds late, behind younger ones", ("seconds",)),
    _K.LOST_EVENT: KindSpec((Layer.EVENT,), "an event does not come"),
    _K.METRIC_REPORT: KindSpec(
        (Layer.EVENT,), "a device sends its metric reports by its events, every so many seconds", ("seconds",)
    ),
    _K.LEAK: KindSpec((Layer.PLANT,), "a detector is wet", ("level",)),
    _K.PSU_FAIL: KindSpec((Layer.PLANT,), "a supply gives nothing"),
    _K.TRAY_OFF: KindSpec((Layer.PLANT,), "a tray is without power"),
    _K.PUMP_FAIL: KindSpec((Layer.PLANT,), "a pump stands still"),
    _K.BBU_FAIL: KindSpec((Layer.PLANT,), "a battery gives and takes nothing"),
    _K.REMOVED: KindSpec((Layer.PLANT, Layer.UNIT), "a supply or battery is pulled; other units fall silent"),
    _K.WARM_WATER: KindSpec((Layer.PLANT,), "the facility's water at a coolant unit is warmer than usual", ("kelvin",)),
    _K.DAMP_AIR: KindSpec((Layer.PLANT,), "the air at a coolant unit is so warm and so damp", ("celsius", "humidity")),
    _K.CAP_IGNORED: KindSpec((Layer.PLANT,), "a tray's GPUs take limits, show them, and draw what they like"),
    _K.LEAK_UNPLUGGED: KindSpec((Layer.PLANT,), "a detector is unplugged and says dry, however wet it is"),
    _K.CRC_STORM: KindSpec(_UNIT, "replies have a wrong CRC"),
    _K.WRONG_UNIT: KindSpec(_UNIT, "replies come in another unit's name"),
    _K.LATE_REPLY: KindSpec(_UNIT, "replies are some seconds late and may meet another one", ("seconds",)),
    _K.REPLY_GAP: KindSpec(_UNIT, "a pause of some seconds inside a reply", ("seconds",)),
    _K.DUPLICATE_ADDRESS: KindSpec(_UNIT, "a second unit answers at the same time"),
    _K.EXCEPTION: KindSpec(_UNIT, "requests are refused with a code", ("code",)),
    _K.SILENCE: KindSpec(_UNIT, "a unit does not answer"),
    _K.STUCK: KindSpec((Layer.VALUE,), "registers keep the value they had when it began", ("register",)),
    _K.SIGN_FLIP: KindSpec((Layer.VALUE,), "numbers have the wrong sign, in two's complement", ("register",)),
    _K.BUS_STUCK: KindSpec((Layer.LINE,), "a whole line answers nobody"),
    _K.BABBLE: KindSpec((Layer.LINE,), "a whole line talks unasked and over others"),
    _K.TWO_MASTERS: KindSpec((Layer.LINE,), "another master asks units every so many seconds", ("seconds",)),
    _K.NVML_MISSING: KindSpec((Layer.HOST,), "a host's GPU library cannot be loaded"),
    _K.GPU_LOST: KindSpec((Layer.HOST,), "a GPU has fallen off the bus"),
    _K.RESET_PENDING: KindSpec((Layer.HOST,), "a GPU waits for a reset"),
    _K.WRONG_RESULTS: KindSpec((Layer.HOST,), "a GPU computes wrongly: a bit of a product is not what it should be"),
    _K.GPU_RESET: KindSpec((Layer.HOST,), "a GPU is reset, once each time the fault begins, and loses limits"),
    _K.DRIVER_RELOAD: KindSpec((Layer.HOST,), "a driver is loaded anew, once each time the fault begins"),
    _K.LIMIT_FORBIDDEN: KindSpec((Layer.HOST,), "a host's agent may not set power limits"),
    _K.HTML: KindSpec(_REPLY, "a login page in HTML instead of the document, with status 200"),
    _K.PORT_DOWN: KindSpec(
        (Layer.PLANT,), "an NVLink port is down; level warning: only the switch says so", ("level",)
    ),
    _K.HIGH_BER: KindSpec((Layer.PLANT,), "an NVLink port has bit errors of a ratio and recovers often", ("ratio",)),
    _K.FABRIC_MANAGER_DOWN: KindSpec(
        (Layer.PLANT,),
        "a switch tray's fabric manager stops; level warning: it says it is not well",
        ("level",),
    ),
    _K.WRONG_VERSION: KindSpec((Layer.PLANT,), "a switch tray runs another version of NVOS", ("text",)),
    _K.XID: KindSpec((Layer.HOST,), "a GPU reports an XID, once each time the fault begins", ("xid",)),
    _K.AGENT_SILENT: KindSpec((Layer.HOST,), "a host's agent says nothing, the host runs on"),
    _K.CONSOLE_LINE: KindSpec((Layer.CONSOLE,), "a console prints a line, every so many seconds", ("text", "seconds")),
    _K.CONSOLE_FLOOD: KindSpec((Layer.CONSOLE,), "a console prints lines as fast as they are taken", ("text",)),
    _K.CONSOLE_DROP: KindSpec((Layer.CONSOLE,), "a console's connection breaks and none is taken"),
    _K.CONSOLE_KEY: KindSpec((Layer.CONSOLE,), "a console shows another host key than the pinned one"),
    _K.BUILDING_SILENT: KindSpec(_BUILDING, "the building says nothing of a rack, and no heartbeat once of none"),
    _K.BUILDING_STUCK: KindSpec(_BUILDING, "the building's valve and breaker do not move when they are asked"),
    _K.BUILDING_LIES: KindSpec(_BUILDING, "the building confirms an isolation that it did not do"),
    _K.BUILDING_LEAK: KindSpec(_BUILDING, "the building's rope under a rack is wet"),
    _K.BUILDING_SENSOR_FAULT: KindSpec(_BUILDING, "the building says that its leak sensor is faulty"),
    _K.BUILDING_QUALITY: KindSpec(_BUILDING, "what the building says of a rack comes with a bad quality"),
    _K.BUILDING_CLOCK: KindSpec(
        _BUILDING, "what the building says of a rack is so many seconds ahead, its heartbeat once of all", ("seconds",)
    ),
    _K.BUILDING_NONSENSE: KindSpec(_BUILDING, "the building also says unknown points, text, no JSON, and 200 kB"),
}

CERTIFICATES = {FaultKind.WRONG_CERTIFICATE: "wrong", FaultKind.EXPIRED_CERTIFICATE: "expired"}


def kinds_of(layer: Layer) -> frozenset[FaultKind]:
    """Return the kinds that a layer carries out."""
    return frozenset(kind for kind, spec in KINDS.items() if layer in spec.layers)
