"""The CLI's way to the API: finds the server, its authority and a login; turns answers into data or named errors."""

import base64
import contextlib
import http.client
import json
import os
import ssl
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datacenter_api.cli.state_directory import default_state
from datacenter_api.cli.tokens import Tokens
from firmware_bridge.vocabulary.errors import (
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

ANSWER_WITHIN_S = 70.0
_MISMATCHES = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_OTHER_NAME = "give --url (or RACKWRIGHT_URL) with a name that `openssl s_client` shows in the certificate"
_ERRORS: dict[int, type[RackwrightError]] = {
    400: ConfigurationError,
    401: AuthenticationRequired,
    403: RoleInsufficient,
    404: TargetUnknown,
    409: CommandRefused,
    412: PreconditionFailed,
    422: ConfigurationError,
    429: AuthenticationRequired,
    503: BusUnavailable,
    504: DeadlinePassed,
}
_BY_CODE: dict[str, type[RackwrightError]] = {"environment_unfit": EnvironmentUnfit, NotReadYet.code: NotReadYet}
"""What a status alone does not tell apart."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is and which authority vouches for it (None: the system's)."""

    host: str
    port: int
    ca_file: Path | None

    @property
    def url(self) -> str:
        """Return `https://host:port`."""
        return f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def find_server(url: str | None, state: Path | None) -> Server:
    """Find the API: `--url`, RACKWRIGHT_URL, else `server.json` of the local state directory.

    Raises ConfigurationError when none of them says where it is.
    """
    folder = state or default_state()
    ready = _ready(folder / "server.json")
    chosen = url or ready.get("url")
    if not chosen:
        raise ConfigurationError(
            f"no API is known: nothing runs in {folder}", advice="start `rackwright up`, or give --url HTTPS-ADDRESS"
        )
    parts = urllib.parse.urlsplit(str(chosen))
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigurationError(f"{chosen!r} is no https address", advice="for example https://127.0.0.1:8443")
    return Server(parts.hostname, parts.port or 443, _authority(folder, ready))


@dataclass
class Connection:
    """Requests to one API.  Raises only errors of the tree."""

    server: Server
    tokens: Tokens = field(default_factory=Tokens)

    def get(self, path: str, **query: Any) -> Any:
        """Return the decoded answer to a GET; parameters that are None are left out."""
        return self.request("GET", path, query=query)

    def post(self, path: str, body: Any) -> Any:
        """Return the decoded answer to a POST of JSON."""
        return self.request("POST", path, body=body)

    def send_file(self, path: str, data: bytes, **query: Any) -> Any:
        """Return the decoded answer to a POST of bytes."""
        with self._sent("POST", _with_query(path, query), data, True) as answer:
            return json.loads(self._read(answer))

    def get_file(self, path: str, method: str = "GET", body: Any = None) -> bytes:
        """Return what a path answers with as it is."""
        with self._sent(method, path, body, True, {"Accept": "*/*"}) as answer:
            return self._read(answer)

    def text(self, path: str, **query: Any) -> str:
        """Return what a GET answers with as text."""
        return self.get_file(_with_query(path, query)).decode()

    def request(
        self, method: str, path: str, *, query: dict[str, Any] | None = None, body: Any = None, login: bool = True
    ) -> Any:
        """Send one request and return the decoded JSON (None for an empty answer)."""
        with self._sent(method, _with_query(path, query or {}), body, login) as answer:
            content = self._read(answer)
        return json.loads(content) if content else None

    def lines(self, path: str, last_event_id: str | None = None) -> Iterator[str]:
        """Yield the lines of an event stream until the server ends it."""
        more = {"Last-Event-ID": last_event_id} if last_event_id else {}
        with self._sent("GET", path, None, True, {"Accept": "text/event-stream", **more}) as answer, self.named():
            while line := answer.readline(1 << 20):
                yield line.decode("utf-8", "replace").rstrip("\r\n")

    def socket_terms(self, path: str, **query: Any) -> tuple[str, dict[str, str], ssl.SSLContext]:
        """Return address, headers and trust for a WebSocket at `path`.  Raises as a request does."""
        address = self.server.url.replace("https://", "wss://", 1) + _with_query(path, query)
        return address, {"Authorization": self._credentials()}, _trust(self.server.ca_file)

    @contextlib.contextmanager
    def _sent(
        self, method: str, target: str, body: Any, login: bool, more: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        headers = {"Accept": "application/json", **(more or {})}
        if login:
            headers["Authorization"] = self._credentials()
        data = None
        if isinstance(body, bytes):
            data, headers["Content-Type"] = body, "application/octet-stream"
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        link = http.client.HTTPSConnection(
            self.server.host, self.server.port, timeout=ANSWER_WITHIN_S, context=_trust(self.server.ca_file)
        )
        try:
            with self.named():
                link.request(method, target, data, headers)
                answer = link.getresponse()
                if answer.status >= 400:
                    raise error_of(answer.status, answer.read(1 << 20))
            yield answer
        finally:
            link.close()

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        with self.named():
            return answer.read()

    def _credentials(self) -> str:
        login = _from_environment()
        if login is not None:
            return "Basic " + base64.b64encode(login.encode()).decode()
        token = self.tokens.get(self.server.url)
        if token is None:
            raise AuthenticationRequired(
                f"no login for {self.server.url}",
                advice="run `rackwright login`, or set RACKWRIGHT_USER and RACKWRIGHT_PASSWORD",
            )
        return f"Bearer {token}"

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Turn what goes wrong on the way to the server into errors of the tree."""
        where = self.server.url
        try:
            yield
        except ssl.SSLCertVerificationError as err:
            raise EnvironmentUnfit(
                f"the certificate of {where} is not trusted: {err.verify_message}",
                advice=_OTHER_NAME
                if err.verify_code in _MISMATCHES
                else "set RACKWRIGHT_CA_FILE to the authority's file (tls/ca.pem of the state directory)",
            ) from err
        except ConnectionRefusedError as err:
            raise EnvironmentUnfit(
                f"nothing listens at {where}", advice="start `rackwright up`, or give --url"
            ) from err
        except TimeoutError as err:
            raise DeadlinePassed(f"{where} did not answer within {ANSWER_WITHIN_S:g} s") from err
        except (OSError, http.client.HTTPException) as err:
            raise EnvironmentUnfit(
                f"the connection to {where} failed: {err or type(err).__name__}", advice="see `rackwright doctor`"
            ) from err


def connect(url: str | None, state: Path | None) -> Connection:
    """Return a connection to the API that `find_server` finds."""
    return Connection(find_server(url, state))


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is not None and not ca_file.is_file():
        raise ConfigurationError(
            f"no such authority file: {ca_file}", advice="set RACKWRIGHT_CA_FILE to an existing one"
        )
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError as err:
        raise ConfigurationError(f"{ca_file} is no certificate file") from err


def _authority(folder: Path, ready: dict[str, Any]) -> Path | None:
    given = os.environ.get("RACKWRIGHT_CA_FILE") or ready.get("ca_file")
    if given:
        return Path(str(given))
    local = folder / "tls" / "ca.pem"
    return local if local.is_file() else None


def _ready(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def error_of(status: int, body: bytes) -> RackwrightError:
    """Return the error that an answer of the API stands for."""
    try:
        said = json.loads(body)["error"]
        what, code = str(said["message"]).rstrip("."), said.get("code")
        advice = str(said["advice"]) if "advice" in said else _resolution(said)
    except (ValueError, KeyError, TypeError):
        what, advice, code = f"the server answered {status}", "", None
    kind = _BY_CODE.get(str(code), _ERRORS.get(status, RackwrightError))
    if kind is AuthenticationRequired and status == 401 and _from_environment() is not None:
        advice = "check RACKWRIGHT_USER and RACKWRIGHT_PASSWORD, or unset them and use `rackwright login`"
    return kind(what, advice=advice)


def _resolution(said: dict[str, Any]) -> str:
    """Return what a Redfish error says can be done."""
    text = str(said["@Message.ExtendedInfo"][0]["Resolution"]).rstrip(".")
    return text[:1].lower() + text[1:]


def _from_environment() -> str | None:
    user, password = os.environ.get("RACKWRIGHT_USER"), os.environ.get("RACKWRIGHT_PASSWORD")
    return f"{user}:{password}" if user and password is not None else None


def _with_query(path: str, query: dict[str, Any]) -> str:
    given = {k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items() if v is not None}
    return f"{path}?{urllib.parse.urlencode(given, doseq=True)}" if given else path


def quoted(place: str) -> str:
    """Return a place as one part of a path."""
    return urllib.parse.quote(place, safe="")
