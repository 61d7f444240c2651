"""Who is told of alarms: webhooks and mailboxes, as `notify.yaml` in the state directory says.  Sends nothing."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from datacenter_api.redfish.push.destination import read_destination
from datacenter_api.redfish.push.settings import Network
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import Located, convert, parse

FILE = "notify.yaml"
MOST_TARGETS = 16
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Priority = Annotated[int, msgspec.Meta(ge=1, le=4)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2_048)]
Address = Annotated[str, msgspec.Meta(pattern=r"^[^\s@<>,;\"]{1,64}@[A-Za-z0-9.-]{1,190}$")]


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A POST of JSON.  `key_file`: what signs it, from the file's folder; `verify` false takes any certificate;
    `reminders`: of days of decisions to buy, too."""

    name: Name
    url: Text
    priorities: tuple[Priority, ...] = (1, 2, 3)
    key_file: str = ""
    verify: bool = True
    reminders: bool = False


class Mailbox(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mail over SMTP.  `security`: STARTTLS, TLS from the start, or none.  `credentials_file`: user and password, from
    the file's folder.  `reminders`: of days of decisions to buy, too."""

    name: Name
    host: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9:.-]{1,253}$")]
    sender: Address
    to: Annotated[tuple[Address, ...], msgspec.Meta(min_length=1, max_length=20)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    priorities: tuple[Priority, ...] = (1, 2)
    credentials_file: str = ""
    reminders: bool = False


Target = Webhook | Mailbox


class NotifyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is.  `allowed`: networks that may be aimed at although a rule forbids it, such as 127.0.0.0/8 for
    a mail relay on this machine."""

    kind: Literal["notify"]
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    allowed: list[str] = []
    webhooks: list[Webhook] = []
    mail: list[Mailbox] = []

    @property
    def targets(self) -> list[Target]:
        """Return everybody who is told."""
        return [*self.webhooks, *self.mail]

    @property
    def networks(self) -> tuple[Network, ...]:
        """Return `allowed` as networks."""
        return tuple(ipaddress.ip_network(text) for text in self.allowed)


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mail account."""

    user: Text
    password: Text


def read_notify(text: str, name: str) -> NotifyFile:
    """Read the file.  Raises FileInvalid (file, line, field, expected)."""
    document = parse(text, name)
    found = convert(document, "", NotifyFile)
    for n, network in enumerate(found.allowed):
        try:
            ipaddress.ip_network(network)
        except ValueError as err:
            raise document.complaint(f"allowed[{n}]", f"expected a network such as 10.9.0.0/16 ({err})") from err
    for n, hook in enumerate(found.webhooks):
        try:
            read_destination(hook.url)
        except RequestRefused as err:
            raise document.complaint(f"webhooks[{n}].url", f"expected an http or https URL: {err}") from err
    for n, box in enumerate(found.mail):
        if box.credentials_file and box.security == "none":
            raise document.complaint(f"mail[{n}].security", "expected starttls or tls where a password is sent")
    _check_targets(document, found.targets)
    return found


def _check_targets(document: Located, targets: Sequence[Target]) -> None:
    names = [target.name for target in targets]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise document.complaint("", f"expected each name once, {', '.join(twice)} stands twice")
    if len(names) > MOST_TARGETS:
        raise document.complaint("", f"expected at most {MOST_TARGETS} webhooks and mailboxes")


def check_file(path: Path) -> NotifyFile:
    """Read the file and every secret that it names.  Raises ConfigurationError and its child FileInvalid."""
    try:
        found = read_notify(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="fix its permissions") from err
    for hook in found.webhooks:
        if hook.key_file:
            read_secret(path.parent, hook.key_file)
    for box in found.mail:
        if box.credentials_file:
            read_credentials(path.parent, box.credentials_file)
    return found


def read_secret(folder: Path, name: str) -> bytes:
    """Return what a key file holds, without line ends.  Raises ConfigurationError: missing, empty, open to others."""
    path = folder / name
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path} can be read by others", advice=f"chmod 600 {path}")
        secret = path.read_bytes().strip()
    except OSError as err:
        raise ConfigurationError(f"cannot read {path}: {err.strerror}", advice="write the secret into it") from err
    if not secret:
        raise ConfigurationError(f"{path} is empty", advice="write the secret into it")
    return secret


def read_credentials(folder: Path, name: str) -> Credentials:
    """Return a mail account.  Raises ConfigurationError and its child FileInvalid."""
    text = read_secret(folder, name).decode(errors="replace")
    return convert(parse(text, str(folder / name)), "", Credentials)
