"""Which links of a document may be followed: paths of the same endpoint, nothing else."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*")
_ESCAPED_DOT_OR_SLASH = re.compile(r"%(?:2e|2f|5c|00)", re.IGNORECASE)
MOST_URI = 1024
_ESCAPES = str.maketrans({" ": "%20", "|": "%7C"})
_PLAIN_LINKS = ("DataSourceUri", "Members@odata.nextLink")


def local_path(link: str, origin: str = "") -> str:
    """Return `link` as a path of this endpoint, its fragment cut off.

    `origin` (`https://10.0.0.1:443`) allows an absolute link to the endpoint itself.  Raises ValueError for another
    host, `//host`, `..`, escaped dots or slashes, control characters, backslashes and over-long links.
    """
    if origin and link.startswith(origin + "/"):
        link = link[len(origin) :]
    path, _, query = link.partition("#")[0].partition("?")
    if len(link) > MOST_URI or not _PATH.fullmatch(path) or "//" in path:
        raise ValueError(f"not a path of this endpoint: {link[:80]!r}")
    if _ESCAPED_DOT_OR_SLASH.search(path) or "/../" in path + "/" or "/./" in path + "/":
        raise ValueError(f"a path that walks: {link[:80]!r}")
    if query and not re.fullmatch(r"[\x21-\x7e]+", query):
        raise ValueError(f"a query with odd characters: {link[:80]!r}")
    return f"{path}?{query}" if query else path


def resolved(link: str, source: str, origin: str = "") -> tuple[str, str]:
    """Return (path, oddity) of a link that the document at `source` holds.

    Forgives what harms nobody: a path without its first slash, a query that continues the document's own path.  What
    `local_path` refuses is refused: ValueError.
    """
    if link.startswith("redfish/"):
        return local_path("/" + tidy_spelling(link), origin), f"no slash before {link[:80]!r}"
    if link.startswith("?"):
        return local_path(source.partition("?")[0] + link, origin), f"{link[:80]!r} is taken as the next page"
    path = tidy_spelling(link)
    return local_path(path, origin), "" if path == link else f"characters that no path may have: {link[:80]!r}"


def tidy_spelling(link: str) -> str:
    """Return `link` with the few harmless characters escaped that devices put into names (a space, a bar)."""
    return link.translate(_ESCAPES) if " " in link or "|" in link else link


def same_origin_path(location: str, origin: str) -> str:
    """Return the path of a `Location` header or task link, which may be absolute.  Raises ValueError as above."""
    parts = urlsplit(location)
    if parts.scheme or parts.netloc:
        ours = urlsplit(origin)
        if (parts.scheme, parts.hostname, parts.port) != (ours.scheme, ours.hostname, ours.port):
            raise ValueError(f"points to another host: {location[:80]!r}")
        location = parts.path + (f"?{parts.query}" if parts.query else "")
    return local_path(location)


def link_of(document: Any, *names: str) -> str | None:
    """Return the `@odata.id` found by walking `names` down from `document`, None when it is not there."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    uri = document.get("@odata.id") if isinstance(document, dict) else None
    return uri if isinstance(uri, str) else None


def member_links(collection: Any) -> tuple[str, ...]:
    """Return the members' URIs of a collection in order, oddly shaped entries left out."""
    members = collection.get("Members") if isinstance(collection, dict) else None
    if not isinstance(members, list):
        return ()
    return tuple(uri for uri in (member_link(m) for m in members) if uri is not None)


def member_link(member: Any) -> str | None:
    """Return where a member is: the link that Redfish has, or the bare path that some services write instead."""
    return member if isinstance(member, str) and member.startswith("/") else link_of(member)


def every_link(document: Any, skip: frozenset[str]) -> Iterator[str]:
    """Yield every `@odata.id` in `document`, OEM parts included, except below properties named in `skip`.

    `DataSourceUri` (the sensor behind an excerpt) and the link to a collection's next page count as well.
    """
    stack: list[Any] = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(reversed(node))
            continue
        if not isinstance(node, dict):
            continue
        uri = node.get("@odata.id")
        if isinstance(uri, str) and node is not document:
            yield uri
        yield from (link for name in _PLAIN_LINKS if isinstance(link := node.get(name), str))
        members = node.get("Members")
        yield from (m for m in (members if isinstance(members, list) else ()) if isinstance(m, str) and m[:1] == "/")
        stack.extend(value for key, value in reversed(node.items()) if key not in skip)


def tidy(uri: str) -> str:
    """Return `uri` without fragment and trailing slash: the key under which a document is filed."""
    if "#" in uri:
        uri = uri.partition("#")[0]
    if " " in uri or "|" in uri:
        uri = uri.translate(_ESCAPES)
    return uri.rstrip("/") if uri[-1:] == "/" and len(uri) > 1 else uri
