"""One Modbus unit: a request in, its reply or None out.  Knows no line; what distorts its values is handed to it.

Source: MODBUS Application Protocol V1.1b3, 6.3, 6.6, 6.12, 6.14 and 7.  A write to a register that is only read is
refused as an illegal address: the standard leaves it open, and to a master it is the safer answer of the two.
"""

from firmware_bridge.emulator.serial.distortion import Distortion
from firmware_bridge.emulator.serial.image import Seat, UnitImage
from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.wire.modbus.frame import (
    READ,
    READ_FILE,
    WRITE_MANY,
    WRITE_ONE,
    Refusal,
    Refused,
    Request,
    reply_read,
    reply_refusal,
    reply_write,
)
from firmware_bridge.wire.modbus.register_map import Register
from firmware_bridge.wire.modbus.values import decode, encode

MOST_READ, MOST_WRITTEN = 125, 123  # words in one request, by the standard
_FILE_REQUEST, _LEAST_FILE, _MOST_FILE = 7, 0x07, 0xF5


class Slave:
    """One unit on a line.  `kept` holds the words that masters have written."""

    __slots__ = ("_clock_lead", "distortion", "image", "kept", "seat", "settings")

    def __init__(self, image: UnitImage, seat: Seat) -> None:
        self.image, self.seat = image, seat
        self.settings: LineSettings = image.line
        self.kept: dict[int, int] = {}
        self.distortion: Distortion | None = None
        self._clock_lead = 0  # s between what a master wrote and emulated time

    def answer(self, request: Request) -> bytes:
        """Execute a request and return the reply frame, a refusal included."""
        try:
            if request.function == READ:
                return reply_read(self.seat.address, self.read(request.address, request.second))
            if request.function == WRITE_ONE:
                self.write(request.address, [request.second])
            elif request.function == WRITE_MANY:
                self.write(request.address, _written(request))
            elif request.function == READ_FILE:
                _refuse_file(request)
            else:
                raise Refused(Refusal.ILLEGAL_FUNCTION)
        except Refused as refused:
            return reply_refusal(self.seat.address, request.function, refused.code)
        return reply_write(Request(self.seat.address, request.function, request.body))

    def read(self, address: int, count: int) -> list[int]:
        """Return `count` words from `address` on.  Raises Refused."""
        if not 1 <= count <= MOST_READ:
            raise Refused(Refusal.ILLEGAL_VALUE)
        by_word, words, at = self.image.by_word, list[int](), address
        while at < address + count:
            register = by_word.get(at)
            if register is None:
                raise Refused(Refusal.ILLEGAL_ADDRESS)
            own = self._words(register)
            if self.distortion is not None:
                own = self.distortion.of(register, own)
            words += own if at == register.at else own[at - register.at :]
            at = register.end
        return words[:count]

    def write(self, address: int, values: list[int]) -> None:
        """Write words from `address` on: all of them or none.  Raises Refused."""
        span = range(address, address + len(values))
        if not self.image.writable.issuperset(span):
            raise Refused(Refusal.ILLEGAL_ADDRESS)
        clock = self._clock_before(span)
        for at, value in zip(span, values, strict=True):
            if at in clock:
                clock[at] = value
            else:
                self.kept[at] = value & ~self._act(at, value)
        if clock:
            shown = 0
            for at in sorted(clock):
                shown = shown << 16 | clock[at]
            self._clock_lead = shown - int(self.seat.bench.time)

    def _words(self, register: Register) -> list[int]:
        at, image = register.at, self.image
        if at in image.clock_words:
            return self._clock(register.words)
        source = image.sources.get(at)
        words = image.resting[at] if source is None else encode(register, source(self.seat))
        if self.kept:
            words = [self.kept.get(register.at + n, word) for n, word in enumerate(words)]
        return words

    def _clock(self, words: int) -> list[int]:
        now = max(0, int(self.seat.bench.time) + self._clock_lead) & ((1 << 16 * words) - 1)
        return [now >> 16 * n & 0xFFFF for n in reversed(range(words))]

    def _clock_before(self, span: range) -> dict[int, int]:
        """Return the clock's words by address when a write touches it, nothing otherwise."""
        clock = self.image.register_map.clock
        if clock is None or self.image.clock_words.isdisjoint(span):
            return {}
        return {clock.at + n: word for n, word in enumerate(self._clock(clock.words))}

    def _act(self, at: int, value: int) -> int:
        """Do what the written bits ask for; return them: they do not stay set."""
        seat, done = self.seat, 0
        for act in self.image.acts.get(at, ()):
            lit = bool(value & act.mask)
            if act.mask and not (lit or act.level):
                continue
            number = float(lit) if act.mask else float(decode(self.image.by_word[at], [value]))
            act.writer(seat.bench, seat.rack, seat.tray, seat.at, number, 0.0)
            done |= 0 if act.level else act.mask
        return done


def _written(request: Request) -> list[int]:
    values, size = request.values, request.body[4]
    if not 1 <= request.second <= MOST_WRITTEN or size != 2 * request.second or len(values) != request.second:
        raise Refused(Refusal.ILLEGAL_VALUE)
    return values


def _refuse_file(request: Request) -> None:
    """Refuse a read of file records: no device here keeps files."""
    size = request.body[0]
    if not _LEAST_FILE <= size <= _MOST_FILE or size % _FILE_REQUEST:
        raise Refused(Refusal.ILLEGAL_VALUE)
    raise Refused(Refusal.ILLEGAL_ADDRESS)
