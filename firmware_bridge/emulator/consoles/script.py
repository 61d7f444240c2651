"""What an emulated host says on its console: a device file of kind `console`.  Data in, a frozen script out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.wire.located_yaml import convert, parse

Delay = Annotated[float, msgspec.Meta(ge=0, le=3600)]


class _Step(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    after: Delay = 0.0


class _File(msgspec.Struct, forbid_unknown_fields=True):
    schema: Literal[1]
    kind: Literal["console"]
    device: str
    source: str
    boot: list[_Step]
    login: str
    password: str
    prompt: str
    sysrq: str
    commands: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class ConsoleScript:
    """`boot`: texts with the time (s since power on) at which each is printed; the others are what a host answers.

    `{tray}` in a text becomes the tray's name (`u12`).
    """

    boot: tuple[tuple[float, str], ...]
    login: str
    password: str
    prompt: str
    sysrq: str
    commands: dict[str, str]

    @property
    def up_after(self) -> float:
        """Return how long a boot takes, in s."""
        return self.boot[-1][0] if self.boot else 0.0


def load_script(path: Path) -> ConsoleScript:
    """Read a device file.  Raises FileInvalid (file, line, field, expected)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise FileInvalid(str(path), 1, "file", f"expected a readable console script ({err})") from err
    file = convert(parse(text, str(path)), "", _File)
    at, boot = 0.0, []
    for step in file.boot:
        at += step.after
        boot.append((at, _wire(step.text)))
    commands = {name: _wire(said) for name, said in file.commands.items()}
    login, password, prompt, sysrq = (_wire(t) for t in (file.login, file.password, file.prompt, file.sysrq))
    return ConsoleScript(tuple(boot), login, password, prompt, sysrq, commands)


def _wire(text: str) -> str:
    """Lines end as a serial terminal wants them."""
    return text.replace("\n", "\r\n")
