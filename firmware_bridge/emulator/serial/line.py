"""One RS-485 line as bytes and moments: requests heard at the line's speed, replies sent no faster.  No I/O, no clock.

Times are monotonic seconds and given by the caller.  A frame ends where its length is reached and silence follows, or
where silence follows; MODBUS over Serial Line V1.02, 2.5.1.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from firmware_bridge.emulator.faults import ArmedFault, FaultKind, FaultTable, pick
from firmware_bridge.emulator.serial.distortion import Distortion
from firmware_bridge.emulator.serial.slave import Slave
from firmware_bridge.emulator.serial.strikes import DEAF, Answer, closed, collide, refusal, strike
from firmware_bridge.vocabulary.line import LineSettings, Parity
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.modbus.frame import READ, Request, expected_length, read_request
from firmware_bridge.wire.modbus.timing import characters, frame_gap

JITTER_S = 0.01  # how late the operating system may bring the rest of a frame
CHUNK_S = 0.016  # bytes are handed over in portions of this time on the wire, as USB adapters do
NOISE_S = 0.05  # a babbling line: how often it is looked at
MOST_FRAME = 256
_BROADCAST = 0
_NOISY = frozenset((FaultKind.BABBLE, FaultKind.TWO_MASTERS))
_NOISE = bytes((0x00, 0xFF, 0x5A, 0xA5, 0x13, 0x37, 0xC0, 0x3F)) * 2


@dataclass(frozen=True, slots=True)
class Spoken:
    """How the master has set its side: `baud` in bit/s, `parity` None when it does not say."""

    baud: int
    parity: Parity | None = None

    def is_understood_by(self, settings: LineSettings) -> bool:
        """Tell whether a unit with these settings can make out characters."""
        return self.baud == settings.baud and self.parity in (None, settings.parity)


@dataclass(slots=True, eq=False)
class Transmission:
    """Bytes on their way to the master: the n-th is there at `start + n * pace`, later ones after a `pause`."""

    start: float
    data: bytes
    pace: float
    half: int
    pause: float = 0.0
    sent: int = 0

    def at(self, count: int) -> float:
        """Return when `count` bytes are over."""
        return self.start + count * self.pace + (self.pause if count > self.half else 0.0)

    @property
    def end(self) -> float:
        """Return when the last byte is over."""
        return self.at(len(self.data))

    def due(self) -> float:
        """Return when the next portion is complete."""
        portion = max(1, int(CHUNK_S / self.pace))
        return self.at(min(len(self.data), self.sent + portion))

    def take(self, now: float) -> bytes:
        """Return the bytes that are over by now and not yet handed on."""
        upto = self.sent
        while upto < len(self.data) and self.at(upto + 1) <= now:
            upto += 1
        data, self.sent = self.data[self.sent : upto], upto
        return data


@dataclass
class Line:
    """One line and its units by address.  `emulated_time` is what faults count their span in."""

    place: Place
    settings: LineSettings
    slaves: Mapping[int, Slave]
    faults: FaultTable
    emulated_time: Callable[[], float]
    requests: int = 0
    spoiled: int = 0
    _heard: bytearray = field(default_factory=bytearray)
    _heard_until: float = 0.0
    _spoken: Spoken = field(default_factory=lambda: Spoken(0))
    _fresh: Transmission | None = None  # the reply to the frame just heard: more bytes without a gap take it back
    _going: list[Transmission] = field(default_factory=list)
    _version: int = -1
    _mine: list[ArmedFault] = field(default_factory=list)
    _of_unit: dict[int, list[ArmedFault]] = field(default_factory=dict)
    _distortions: dict[int, Distortion] = field(default_factory=dict)
    _next_noise: float | None = None

    def hear(self, data: bytes, now: float, spoken: Spoken) -> None:
        """Take bytes that the master has written; they are over only after their time on the wire."""
        if spoken != self._spoken:
            self._spoken = spoken
            self._heard.clear()
        first = self.slaves.get(self._heard[0] if self._heard else data[0])
        pace = self._pace(replace((first.settings if first else self.settings), baud=spoken.baud or 1))
        if any(t.start < now < t.end for t in self._going):
            self._collide(now)
            return
        if self._fresh is not None and now < self._fresh.start and self._fresh in self._going:
            self._going.remove(self._fresh)
            self._heard += b"\0"  # no gap: the frames run into each other and the second is lost too
        self._fresh = None
        self._heard_until = max(now, self._heard_until) + len(data) * pace
        self._heard += data
        if len(self._heard) == expected_length(bytes(self._heard[:8])):
            self._end_frame(self._heard_until)
        elif len(self._heard) > MOST_FRAME:
            del self._heard[MOST_FRAME:]

    def due(self) -> float | None:
        """Return the next moment at which `send` has something to do."""
        moments = [t.due() for t in self._going]
        if self._heard:
            moments.append(self._silence())
        if self._next_noise is not None:
            moments.append(self._next_noise)
        return min(moments, default=None)

    def send(self, now: float) -> bytes:
        """Return the bytes that have reached the master's side by now."""
        if self._heard and now >= self._silence():
            self._end_frame(now)
        if self._next_noise is not None and now >= self._next_noise:
            self._make_noise(now)
        if not self._going:
            return b""
        data = b"".join(t.take(now) for t in self._going)
        self._going = [t for t in self._going if t.sent < len(t.data)]
        return data

    def renew(self, now: float) -> None:
        """Look at the faults again when they have changed."""
        if self._version == self.faults.version:
            return
        self._version = self.faults.version
        self._mine = self.faults.on_line(self.place)
        self._of_unit = {a: self.faults.on_unit((s.seat.place, self.place)) for a, s in self.slaves.items()}
        distorted = {a: self.faults.on_values((s.seat.place, self.place)) for a, s in self.slaves.items()}
        self._distortions = {a: Distortion(armed) for a, armed in distorted.items() if armed}
        for address, slave in self.slaves.items():
            slave.distortion = self._distortions.get(address)
        noisy = any(a.fault.what in _NOISY for a in self._mine)
        self._next_noise = now if noisy else None

    def _silence(self) -> float:
        return self._heard_until + frame_gap(self.settings) + JITTER_S

    def _end_frame(self, at: float) -> None:
        frame = bytes(self._heard)
        self._heard.clear()
        request = read_request(frame)
        if request is None:
            self.spoiled += 1
            return
        self.requests += 1
        self.renew(at)
        if pick([a for a in self._mine if a.fault.what is FaultKind.BUS_STUCK], "", self.emulated_time()):
            return
        if request.unit == _BROADCAST:
            for slave in self.slaves.values():
                if self._spoken.is_understood_by(slave.settings):
                    slave.answer(request)
            return
        addressed = self.slaves.get(request.unit)
        if addressed is not None and self._spoken.is_understood_by(addressed.settings):
            self._answer(addressed, request, at)

    def _answer(self, slave: Slave, request: Request, at: float) -> None:
        armed = self._of_unit[slave.seat.address]
        distortion = self._distortions.get(slave.seat.address)
        if distortion is not None:
            distortion.look(self.emulated_time())
        fault = pick(armed, _uri(request), self.emulated_time()) if armed else None
        if fault is not None and fault.what in DEAF:
            return
        if fault is not None and fault.what is FaultKind.EXCEPTION:
            answer = Answer(refusal(request, fault))
        else:
            answer = strike(fault, slave.answer(request))
        start = at + frame_gap(slave.settings) + answer.late
        pace = self._pace(slave.settings)
        fresh = Transmission(start, answer.frame, pace, len(answer.frame) // 2, answer.pause)
        self._put(fresh)
        self._fresh = None if answer.late else fresh

    def _put(self, fresh: Transmission) -> None:
        """Add a transmission; where two overlap in time neither is readable."""
        for other in self._going:
            if other.start < fresh.end and fresh.start < other.end:
                other.data, fresh.data = collide(other.data), collide(fresh.data)
        self._going.append(fresh)

    def _collide(self, now: float) -> None:
        """The master talks while a unit does: what is left of the reply is spoilt and the request is lost."""
        self.spoiled += 1
        self._heard.clear()
        for going in self._going:
            if going.start < now < going.end:
                going.data = going.data[: going.sent] + collide(going.data[going.sent :])

    def _make_noise(self, now: float) -> None:
        self._next_noise = now + NOISE_S
        for armed in self._mine:
            if armed.fault.what not in _NOISY or not armed.fault.is_on(self.emulated_time()):
                continue
            if armed.fault.what is FaultKind.BABBLE:
                self._put(Transmission(now, _NOISE, self._pace(self.settings), len(_NOISE)))
            else:
                self._next_noise = now + max(armed.fault.seconds, NOISE_S)
                self._talk_as_other(now)
            return

    def _talk_as_other(self, now: float) -> None:
        """Let another master ask a unit: this one hears the question and the answer, or loses what it was about."""
        slave = next(iter(self.slaves.values()), None)
        if slave is None:
            return
        register = slave.image.register_map.registers[0]
        body = register.at.to_bytes(2, "big") + register.words.to_bytes(2, "big")
        request = Request(slave.seat.address, READ, body)
        if self._heard:
            self._collide(now)
        pace = self._pace(self.settings)
        asked = closed(bytes((request.unit, request.function)) + request.body)
        question = Transmission(now, asked, pace, len(asked))
        self._put(question)
        answer = slave.answer(request)
        self._put(Transmission(question.end + frame_gap(self.settings), answer, pace, len(answer)))

    @staticmethod
    def _pace(settings: LineSettings) -> float:
        return characters(settings, 1)


def _uri(request: Request) -> str:
    return f"{request.function}/{request.address:#06x}"
