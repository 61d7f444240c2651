"""`HOST:PORT`, read the same way wherever it is given.  Opens nothing, and imports nothing that is slow to load."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.errors import ConfigurationError

DEFAULT_LISTEN = "127.0.0.1:8443"
MOST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Listen:
    """Host and port to listen at; port 0: any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`, an IPv6 address in brackets."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Return `https://host:port`."""
        return f"https://{self}"


def parse_listen(text: str, option: str = "--listen", example: str = DEFAULT_LISTEN) -> Listen:
    """Read `HOST:PORT`, `[::1]:PORT` or `:PORT`.  Raises ConfigurationError."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port[:6]) > MOST_PORT:
        raise ConfigurationError(f"{option} {text!r} is not HOST:PORT", advice=f"for example {option} {example}")
    return Listen(host.strip("[]") or "127.0.0.1", int(port))
