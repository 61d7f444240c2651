"""Login tokens by server, in one file that only its owner can read."""

import json
import os
from pathlib import Path

from firmware_bridge.vocabulary.errors import EnvironmentUnfit


def tokens_file() -> Path:
    """Return `$XDG_CONFIG_HOME/rackwright/tokens.json`, by default below `~/.config`."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "rackwright" / "tokens.json"


class Tokens:
    """Tokens by server address.  Refuses to read a file that others can read."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or tokens_file()

    def get(self, url: str) -> str | None:
        """Return the token for a server, None when there was no login.  Raises EnvironmentUnfit."""
        token = self._all().get(url)
        return token if isinstance(token, str) else None

    def put(self, url: str, token: str | None) -> None:
        """Keep a token, or forget it (None).  Raises EnvironmentUnfit when the file cannot be written."""
        tokens = self._all()
        if token is None:
            tokens.pop(url, None)
        else:
            tokens[url] = token
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                json.dump(tokens, stream, indent=1)
            draft.replace(self._file)
        except OSError as err:
            raise EnvironmentUnfit(f"cannot write {self._file}: {err.strerror}", advice="fix its permissions") from err

    def _all(self) -> dict[str, str]:
        try:
            if self._file.stat().st_mode & 0o077:
                raise EnvironmentUnfit(f"{self._file} can be read by others", advice=f"chmod 600 {self._file}")
            content = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as err:
            raise EnvironmentUnfit(f"cannot read {self._file}", advice="remove it and log in again") from err
        return content if isinstance(content, dict) else {}
