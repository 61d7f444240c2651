"""A run's way to the running product: REST with a token, over one connection that is made anew when it breaks.

Whoever starts a run hands it a token; no password is known here.  Reads are tried again while the product restarts;
what may have been heard is never sent twice.
"""

import http.client
import json
import os
import ssl
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    AuthenticationRequired,
    BusUnavailable,
    CommandRefused,
    ConfigurationError,
    DeadlinePassed,
    EnvironmentUnfit,
    NotReadYet,
    PreconditionFailed,
    RackwrightError,
    RoleInsufficient,
    TargetUnknown,
)

TOKEN_VARIABLE, TOKEN_FILE = "RACKWRIGHT_RUN_TOKEN", "token"
ANSWER_WITHIN_S, AWAY_S, RETRY_S = 70.0, 90.0, 0.5
IDLE_S = 2.0
"""A connection that was idle for longer is made anew: the API closes those that are (after 5 s), also as a request is
on its way, and then nobody knows whether that was heard."""
_ERRORS: dict[int, type[RackwrightError]] = {
    400: ArgumentsInvalid,
    401: AuthenticationRequired,
    403: RoleInsufficient,
    404: TargetUnknown,
    409: CommandRefused,
    412: PreconditionFailed,
    422: ArgumentsInvalid,
    503: BusUnavailable,
    504: DeadlinePassed,
}
_LATER = (BusUnavailable, EnvironmentUnfit)


def token_of(folder: Path) -> str:
    """Return the token that a run was handed: in its environment, else in its folder, in a file of its owner alone.

    Raises AuthenticationRequired where there is none, EnvironmentUnfit where others can read it.
    """
    given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return given
    file = folder / TOKEN_FILE
    try:
        if file.stat().st_mode & 0o077:
            raise EnvironmentUnfit(f"{file} can be read by others", advice=f"chmod 600 {file}")
        return file.read_text(encoding="ascii").strip()
    except OSError as err:
        raise AuthenticationRequired(
            "the run was handed no token", advice=f"start it by `rackwright accept run`, or set {TOKEN_VARIABLE}"
        ) from err


@dataclass
class Api:
    """The product's API.  Raises only errors of the tree."""

    host: str
    port: int
    ca_file: Path | None
    token: str
    away_s: float = AWAY_S
    _link: http.client.HTTPSConnection | None = field(default=None, repr=False)
    _used_at: float = field(default=0.0, repr=False)

    @classmethod
    def of(cls, state: Path, token: str) -> "Api":
        """Return the way to the API that serves a state directory.  Raises ConfigurationError where none does."""
        try:
            said = json.loads((state / "server.json").read_bytes())
            parts = urllib.parse.urlsplit(str(said["url"]))
        except (OSError, ValueError, KeyError, TypeError) as err:
            raise ConfigurationError(f"no API is known in {state}", advice="start `rackwright up`") from err
        if parts.scheme != "https" or not parts.hostname:
            raise ConfigurationError(f"{said['url']!r} is no https address", advice="start `rackwright up` again")
        ca_file = state / "tls" / "ca.pem"
        return cls(parts.hostname, parts.port or 443, ca_file if ca_file.is_file() else None, token)

    def get(self, path: str, **query: Any) -> Any:
        """Return the decoded answer to a GET; tried again while the product is away, for `away_s` at most."""
        given = {k: v for k, v in query.items() if v is not None}
        target = f"{path}?{urllib.parse.urlencode(given)}" if given else path
        until = time.monotonic() + self.away_s
        while True:
            try:
                return self._send("GET", target, None)
            except _LATER:
                if time.monotonic() >= until:
                    raise
                time.sleep(RETRY_S)

    def post(self, path: str, body: Any) -> Any:
        """Return the decoded answer to a POST of JSON, sent once."""
        return self._send("POST", path, json.dumps(body).encode())

    def _send(self, method: str, target: str, body: bytes | None) -> Any:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if time.monotonic() - self._used_at >= IDLE_S:
            self._drop()
        try:
            if self._link is None:
                context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
                self._link = http.client.HTTPSConnection(self.host, self.port, timeout=ANSWER_WITHIN_S, context=context)
            self._link.request(method, target, body, headers)
            answer = self._link.getresponse()
            content = answer.read()
            self._used_at = time.monotonic()
        except TimeoutError as err:
            self._drop()
            raise DeadlinePassed(f"the API did not answer within {ANSWER_WITHIN_S:g} s") from err
        except (OSError, http.client.HTTPException) as err:
            self._drop()
            raise EnvironmentUnfit(f"the API is away: {err or type(err).__name__}", advice="see its log") from err
        if answer.status >= 400:
            raise _error_of(answer.status, content)
        return json.loads(content) if content else None

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None


def _error_of(status: int, content: bytes) -> RackwrightError:
    try:
        said = json.loads(content)["error"]
        what, advice, code = str(said["message"]).rstrip("."), str(said.get("advice", "")), str(said.get("code", ""))
    except (ValueError, KeyError, TypeError):
        what, advice, code = f"the API answered {status}", "", ""
    kind = NotReadYet if code == NotReadYet.code else _ERRORS.get(status, RackwrightError)
    return kind(what, advice=advice)
