"""One emulated host as its console shows it: boots when power comes, echoes, asks for a login, answers a few commands.

No sockets and no timers: `advance` says what is printed by now, `typed` and `broken` what a person causes.  What is
printed while nobody listens is lost, as on a wire.
"""

from dataclasses import dataclass, field

from firmware_bridge.emulator.consoles.script import ConsoleScript
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import ArmedFault

MOST_TYPED = 256
FLOOD_BYTES = 64 * 1024
_ENTER, _ERASE, _INTERRUPT, _END = (0x0D, 0x0A), (0x08, 0x7F), 0x03, 0x04


@dataclass(slots=True)
class Terminal:
    """A host.  `began` is when its power came (emulated s); None: it is off."""

    script: ConsoleScript
    tray: str
    began: float | None = None
    printed: int = 0
    asks: str = "login"
    _line: bytearray = field(default_factory=bytearray)
    _next: dict[str, float] = field(default_factory=dict)

    def settle(self, on: bool) -> None:
        """Be as a host that was on, or off, long before anybody looked."""
        self.began, self.printed = (-self.script.up_after if on else None), len(self.script.boot) if on else 0

    def advance(self, now: float, on: bool) -> bytes:
        """Return what was printed since the last look; power may have come or gone meanwhile."""
        if not on:
            self.began, self.printed, self.asks = None, 0, "login"
            self._line.clear()
            return b""
        if self.began is None:
            self.began, self.printed = now, 0
        out, boot = [], self.script.boot
        while self.printed < len(boot) and boot[self.printed][0] <= now - self.began:
            out.append(boot[self.printed][1])
            self.printed += 1
            if self.printed == len(boot):
                out.append(self.script.login)
        return self._said("".join(out))

    def struck(self, armed: list[ArmedFault], now: float) -> bytes:
        """Return what the console faults print now."""
        return b"".join(self._strike(entry, now) for entry in armed if entry.left != 0 and entry.fault.is_on(now))

    def typed(self, data: bytes, now: float) -> bytes:
        """Return what comes back for what a person types: nothing while the host is off or boots."""
        if self.began is None or self.printed < len(self.script.boot):
            return b""
        return b"".join(self._key(byte, now) for byte in data)

    def broken(self) -> bytes:
        """Return what a break brings: the kernel's help on SysRq."""
        return self._said(self.script.sysrq) if self.began is not None else b""

    def _strike(self, entry: ArmedFault, now: float) -> bytes:
        fault = entry.fault
        text = fault.text + "\r\n"
        if fault.what is FaultKind.CONSOLE_FLOOD:
            return text.encode() * max(1, FLOOD_BYTES // len(text.encode()))
        if fault.what is not FaultKind.CONSOLE_LINE or now < self._next.get(entry.id, fault.since):
            return b""
        self._next[entry.id] = now + fault.seconds
        entry.struck += 1
        if entry.left is not None:
            entry.left -= 1
        return b"\r\n" + text.encode() if self._line else text.encode()

    def _key(self, byte: int, now: float) -> bytes:
        if byte in _ENTER:
            line = self._line.decode("utf-8", "replace").strip()
            self._line.clear()
            return b"\r\n" + self._said(self._entered(line, now))
        if byte in _ERASE:
            if self._line:
                self._line.pop()
                return b"" if self.asks == "password" else b"\b \b"
            return b""
        if byte in (_INTERRUPT, _END):
            self._line.clear()
            self.asks = "login" if self.asks != "command" or byte == _END else self.asks
            return b"^C\r\n" + self._said(self.script.prompt if self.asks == "command" else self.script.login)
        if byte < 0x20 or len(self._line) >= MOST_TYPED:
            return b""
        self._line.append(byte)
        return b"" if self.asks == "password" else bytes((byte,))

    def _entered(self, line: str, now: float) -> str:
        script = self.script
        if self.asks == "login":
            self.asks = "password" if line else "login"
            return script.password if line else script.login
        if self.asks == "password":
            self.asks = "command"  # any password: it is not a host, and nothing is behind it
            return script.prompt
        if line in ("exit", "logout"):
            self.asks = "login"
            return script.login
        if line == "reboot":
            self.began, self.printed, self.asks = now, 0, "login"
            return ""
        said = script.commands.get(line, f"{line.split(' ')[0]}: not found\r\n" if line else "")
        return said + script.prompt

    def _said(self, text: str) -> bytes:
        return text.replace("{tray}", self.tray).encode()
