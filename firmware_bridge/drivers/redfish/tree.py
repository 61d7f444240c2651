"""One look at an endpoint's documents: each is asked once, and what cannot be had is noted instead of raised."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from firmware_bridge.drivers.redfish.link import NORMAL, PATIENT, RedfishLink
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    LoginRefused,
    TrustRefused,
)
from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.wire.redfish.guard import Document, DocumentFault, parse, scrub, straightened
from firmware_bridge.wire.redfish.links import link_of, member_links, resolved, tidy
from firmware_bridge.wire.redfish.spelling import ARRAY, as_collection, own_spelling, straight

ROOT = "/redfish/v1"
_EXPAND = "?$expand=.($levels=1)"
_EXPAND_SHORT = "?$expand=."
_USUAL = ("Chassis", "Systems", "Managers", "UpdateService")
_MOST_PAGES = 64
_MOST_SILENT = 2


class Tree:
    """Documents of one endpoint by URI.  `expand` is the query that inlines a collection's members, empty when the
    endpoint does not offer it or was caught lying about it."""

    def __init__(self, link: RedfishLink, urgency: int = NORMAL) -> None:
        self._link = link
        self._urgency = urgency
        self.documents: dict[str, Document] = {}
        self.failed: dict[str, DeviceError] = {}
        self.notes: list[Note] = []
        self.expand = ""
        self._silent = 0
        self._alone: set[str] = set()
        self._slashed: set[str] = set()

    async def root(self) -> Document:
        """Fetch the service root and learn whether collections can be expanded.  Raises what the link raises."""
        # With the slash: the bare spelling may answer with a redirect (DSP0266 §6.4), and those are refused.
        met = await self._link.meet()
        document = self._met(met) if met is not None else None
        if document is None:
            document = await self._link.get_decoded(ROOT + "/", partial(self._read, ROOT), self._urgency)
        if link_of(document, "Chassis") is None and not isinstance(document.get("Chassis"), list):
            # Some firmware leaves its root empty until it is restarted; the URIs are fixed all the same (DSP0266 §6.1).
            self._note(ROOT, "Chassis", f"not linked: {', '.join(_USUAL)} are looked for at their usual places")
            document = {**{name: {"@odata.id": f"{ROOT}/{name}"} for name in _USUAL}, **document}
        self.documents[ROOT] = document
        self.expand = expand_query(document)
        return document

    def _met(self, raw: bytes) -> Document | None:
        """Return the root that was read while the endpoint was met."""
        try:
            return self._read(ROOT, raw)
        except DocumentFault:
            return None  # asked again, it gets its name

    async def get(self, uri: str | None) -> Document | None:
        """Return one document, None when it cannot be had.

        Raises EndpointUnreachable and LoginRefused for the session: there is no point in asking further.
        """
        if uri is None:
            return None
        key = self._filed(uri)
        if key in self.documents:
            return self.documents[key]
        if key in self.failed:
            return None
        document = await self._fetch(key, self.spelled(key))
        if document is not None:
            self.documents[key] = document
        return document

    def _filed(self, uri: str) -> str:
        """Return the key of `uri`, and remember how the service spells it."""
        key = tidy(uri)
        if uri[-1:] == "/" and key != uri:
            self._slashed.add(key)
        return key

    def spelled(self, key: str) -> str:
        """Return how the service itself writes the resource: some answer the other spelling with a redirect only."""
        return f"{key}/" if key in self._slashed else key

    async def many(self, uris: Iterable[str | None]) -> list[Document | None]:
        """Return several documents at once; the link keeps to the endpoint's limits."""
        wanted = list(uris)
        new = dict.fromkeys(self._filed(u) for u in wanted if u is not None)
        lanes = iter([u for u in new if u not in self.documents and u not in self.failed])

        async def lane() -> None:
            for uri in lanes:
                await self.get(uri)

        await in_lanes(lane, min(self._link.limits.in_flight, len(new)))
        return [None if u is None else self.documents.get(tidy(u)) for u in wanted]

    async def below(self, document: Document | None, name: str) -> list[tuple[str, Document]]:
        """Return the members of the collection that `document` links to, or of the array that it holds instead."""
        if document is None:
            return []
        if isinstance(document.get(name), list):
            return await self._listed(member_links(as_collection(document[name])))
        return await self.members(link_of(document, name))

    async def _listed(self, uris: Sequence[str]) -> list[tuple[str, Document]]:
        documents = await self.many(uris)
        return [(tidy(u), d) for u, d in zip(uris, documents, strict=True) if d is not None]

    def expands(self, collection: str) -> bool:
        """Return True when this collection can be read whole with its members inside."""
        return bool(self.expand) and tidy(collection) not in self._alone

    async def members(self, uri: str | None) -> list[tuple[str, Document]]:
        """Return a collection's members as (uri, document) in the collection's order, in one request where possible."""
        if uri is None:
            return []
        listed = await self._collection(self._filed(uri))
        documents = await self.many(listed)
        return [(u, d) for u, d in zip(listed, documents, strict=True) if d is not None]

    async def listings(self, collections: Iterable[str]) -> dict[str, list[tuple[str, Document]]]:
        """Return the members of several collections, each as `members` does, by the collection's URI."""
        found: dict[str, list[tuple[str, Document]]] = {self._filed(u): [] for u in collections}
        keys = iter(found)

        async def lane() -> None:
            for key in keys:
                found[key] = await self.members(key)

        await in_lanes(lane, min(self._link.limits.in_flight, len(found)))
        return found

    async def _collection(self, key: str) -> Sequence[str]:
        if self.expands(key) and key not in self.documents:
            expanded = await self._fetch(key, self.spelled(key) + self.expand)
            if expanded is not None:
                self._file_members(key, expanded)
            else:
                # Some services refuse the query they advertise: ask once more without it.
                refused = self.failed.pop(key, None)
                if isinstance(refused, EndpointRefused) and refused.status in (400, 501):
                    self._note(key, "$expand", "advertised, but refused")
                    self.expand = ""
                elif refused is not None:
                    self.failed[key] = refused
        document = await self.get(key)
        found: dict[str, None] = {}  # pages may overlap: some services list everything and point to a next page as well
        for _ in range(_MOST_PAGES):
            found.update(dict.fromkeys(self._filed(u) for u in member_links(document)))
            following = self._next_page(key, document)
            if following is None:
                break
            document = await self.get(following)
        return list(found)

    def _next_page(self, key: str, document: Document | None) -> str | None:
        following = document.get("Members@odata.nextLink") if document else None
        if isinstance(following, dict):
            following = link_of(following)
        if not isinstance(following, str):
            return None
        try:
            return resolved(following, key, self._link.origin)[0]
        except ValueError as err:
            self._note(key, "Members@odata.nextLink", scrub(err, 200))
            return None

    def _file_members(self, key: str, collection: Document) -> None:
        members = collection.get("Members")
        whole = [m for m in members if isinstance(m, dict)] if isinstance(members, list) else []
        full = [m for m in whole if len(m) > 1]
        named = [tidy(uri) for m in full if (uri := link_of(m)) is not None]
        if len(set(named)) < len(full):
            # Two members under one name: which is which shows only in the plain collection.
            self._note(key, "$expand", "members with the same or no @odata.id: each is read alone")
            self._alone.add(key)
            return
        if any("Id" not in m for m in full):
            # Every resource has one (DSP0266 §9.6): what came is not the whole of it.
            self._note(key, "$expand", "members come in part, without their Id: each is read alone")
            self._alone.add(key)
            return
        self.documents[key] = collection
        for uri, member in zip(named, full, strict=True):
            self.documents.setdefault(uri, member)
        if whole and not full:
            self._note(key, "$expand", "advertised, but the members come as links only")
            self.expand = ""

    async def _fetch(self, key: str, uri: str) -> Document | None:
        try:
            return await self._ask(key, uri)
        except EndpointUnreachable as err:
            # One resource may hang; an endpoint that keeps silent is not asked any further.
            self._silent += 1
            self._failed(key, err)
            if self._silent > _MOST_SILENT:
                raise
        except LoginRefused as err:
            if err.status == 401:
                raise
            self._failed(key, err)
        except DeviceError as err:
            self._failed(key, err)
        return None

    async def _ask(self, key: str, uri: str) -> Document:
        """GET `uri`; one that is answered with a redirect is asked once more with a slash behind its path.

        No redirect is followed: DSP0266 §6.4 lets a service know a resource by one of the two spellings only.
        """
        read = partial(self._read, key)
        try:
            return await self._link.get_decoded(uri, read, self._urgency)
        except TrustRefused as err:
            path, mark, query = uri.partition("?")
            if not err.status or path.endswith("/"):
                raise
            try:
                document = await self._link.get_decoded(f"{path}/{mark}{query}", read, self._urgency)
            except DeviceError:
                raise err from None
        self._slashed.add(key)
        self._note(key, "", "answers only with a slash behind it")
        return document

    def _read(self, key: str, raw: bytes) -> Document:
        """Return the document in `raw` in Redfish's spelling; a bare array is a collection.  Raises DocumentFault."""
        limits = self._link.limits
        document = parse(raw, limits.most_bytes, limits.most_depth, arrays=True)
        bare, oddity = straightened(raw)
        if oddity:
            self._note(key, "", oddity)
        if bare.lstrip()[:1] == b"[":
            self._note(key, "", ARRAY)
        document, odd = straight(document)
        if odd:
            self._note(key, odd[0], own_spelling(odd))
        return document

    def _failed(self, key: str, err: DeviceError) -> None:
        self.failed[key] = err
        self._note(key, "", scrub(f"{type(err).__name__}: {err.detail}", 200))

    def _note(self, uri: str, name: str, what: str) -> None:
        self.notes.append(Note(uri, name, what))


async def in_lanes(lane: Callable[[], Coroutine[Any, Any, None]], count: int) -> None:
    """Run `lane` `count` times side by side; when one raises, the others are ended before the error goes on."""
    if count == 1:
        await lane()
        return
    tasks = [asyncio.ensure_future(lane()) for _ in range(count)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def expand_query(root: Document) -> str:
    """Return the query that expands a collection by one level, by what the service root says (DSP0266 §7.3.1)."""
    features = root.get("ProtocolFeaturesSupported")
    offered: Any = features.get("ExpandQuery") if isinstance(features, dict) else None
    if not isinstance(offered, dict):
        return ""
    if offered.get("Levels") is True:
        return _EXPAND
    return _EXPAND_SHORT if offered.get("NoLinks") is True else ""


__all__ = ["NORMAL", "PATIENT", "ROOT", "Tree", "expand_query", "in_lanes"]
