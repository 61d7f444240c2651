"""What the engine asks of whoever owns the resources: documents, changes, actions.  The engine knows no model."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import orjson

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
READ = "GET, HEAD"
READ_PATCH = "GET, HEAD, PATCH"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, with Redfish privileges."""

    name: str
    role: str = "Administrator"
    privileges: frozenset[str] = frozenset(
        ("Login", "ConfigureSelf", "ConfigureComponents", "ConfigureManager", "ConfigureUsers")
    )


@dataclass(frozen=True)
class Document:
    """One resource as it is now: `raw` is its JSON; `allow` the methods that it takes; `etag` overrides a digest.

    `pages` holds answers to queries (`$skip=75`) that are known as they stand; every other query is worked out.
    `media` is the content type of what is not JSON.  `status` and `headers` are those of its answer: a task's monitor
    says 202 until it is over.
    """

    raw: bytes
    allow: str = READ
    etag: str | None = None
    pages: Mapping[str, bytes] = field(default_factory=dict)
    media: bytes | None = None
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @classmethod
    def of(cls, body: dict[str, Any], allow: str = READ) -> "Document":
        """Return a document for a body that is at hand as a dict."""
        return cls(orjson.dumps(body), allow)

    @cached_property
    def body(self) -> dict[str, Any]:
        """Return the parsed body: only queries and conditional writes pay for it."""
        parsed: dict[str, Any] = orjson.loads(self.raw)
        return parsed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a POST or DELETE led to.  `document` None means no body; `location` is set for what was created."""

    status: int = 204
    document: Document | None = None
    location: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())


class ResourceSource(Protocol):
    """The resources of one service.  URIs are canonical (see `uri.normalise`), without query or fragment."""

    def get(self, uri: str, principal: Principal | None) -> Document | None:
        """Return the resource, None when there is none.  Must not block: it is the hot path."""
        ...

    def methods(self, uri: str) -> str:
        """Return the `Allow` value of a URI that has no document (an action target: `POST`), empty when unknown."""
        ...

    def privilege(self, uri: str, method: str) -> str:
        """Return the privilege that a change needs, e.g. `ConfigureComponents`."""
        ...

    async def patch(self, uri: str, changes: dict[str, Any], principal: Principal) -> Document | None:
        """Change properties and return the resource afterwards.  Raises RequestRefused."""
        ...

    async def post(self, uri: str, body: dict[str, Any], principal: Principal) -> Outcome:
        """Run an action or create a member.  Raises RequestRefused."""
        ...

    async def delete(self, uri: str, principal: Principal) -> Outcome:
        """Delete a resource.  Raises RequestRefused."""
        ...


@runtime_checkable
class UploadSource(Protocol):
    """A source that takes files besides: multipart bodies (DSP0266 §7.12)."""

    def uploads(self, uri: str) -> int:
        """Return how many bytes such a body may have at a URI, 0 where none is taken."""
        ...

    async def upload(self, uri: str, parts: dict[str, bytes], principal: Principal) -> Outcome:
        """Take the parts of one by name.  Raises RequestRefused."""
        ...


class Authenticator(Protocol):
    """Who may come in."""

    async def verify(self, user: str, password: str) -> Principal | None:
        """Return the principal, None when user or password is wrong."""
        ...
