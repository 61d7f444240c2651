"""Serial consoles: which there are, the lines of their logs, and a WebSocket to watch and type."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, WebSocket
from starlette.responses import Response

from datacenter_api.auth.gate import PRINCIPAL
from datacenter_api.consoles.attach import Attachment, Wish
from datacenter_api.consoles.hands import Hands
from datacenter_api.consoles.search import MOST_LINES, MOST_PATTERN, Wanted, find_lines
from datacenter_api.consoles.transcript import LogLine
from datacenter_api.fleet.places import console_in, layout_of
from datacenter_api.fleet.record import RackRecord
from datacenter_api.problem import problem_of
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.rest.events import unix_ns
from datacenter_api.services import Services, principal_of, services_of
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.place import Place
from rack_controller.model.console import MOST_REASON, ConsoleStatus, Verb

router = APIRouter(prefix="/api/v1", tags=["consoles"])
Parts = Annotated[Services, Depends(services_of)]
MOST_TAIL = 1_000


class ConsoleRow(msgspec.Struct, frozen=True):
    """One console.  `state`: connected, connecting, lost, held, off, or unknown when its controller does not answer.

    `since_s` and `writer_since_s` in s; `bytes` are in its log, `lost` did not fit on the controller's disk.
    """

    place: str
    tray: str
    protocol: str
    address: str
    state: str
    since_s: float | None
    error: str
    bytes: int
    lost: int
    writer: str
    writer_since_s: float | None


@router.get("/consoles", responses=describes(list[ConsoleRow]))
async def list_consoles(parts: Parts, request: Request, rack: str | None = None) -> Response:
    """Every serial console of one rack or of all, with who writes on it."""
    records = [parts.fleet.find(rack)] if rack is not None else list(parts.fleet)
    who = principal_of(request)
    rows: list[ConsoleRow] = []
    for record in records:
        titles = {c.place: t.title for t in layout_of(record).trays for c in t.consoles}
        if not titles:
            continue
        try:
            body = await parts.consoles.ask(Place(next(iter(titles))), who, Verb.LIST)
            known = msgspec.json.decode(body, type=list[ConsoleStatus])
        except RackwrightError as err:
            rows += _unknown(record, err.what)
        else:
            rows += [_row(status, titles.get(status.place, "")) for status in known]
    return json_answer(rows)


@router.get("/consoles/{place:path}/log", responses=describes(list[LogLine]))
async def show_log(
    place: str,
    parts: Parts,
    rack: str | None = None,
    lines: Annotated[int, Query(ge=1, le=MOST_LINES)] = 100,
    since: datetime | None = None,
    grep: Annotated[str, Query(max_length=MOST_PATTERN)] = "",
    regex: bool = False,
) -> Response:
    """The last lines of a console's log, oldest first: since a time (RFC 3339), with a text or fitting a regex."""
    _record, at = console_in(parts.fleet, place, rack)
    wanted = Wanted(lines, 0 if since is None else unix_ns(since), grep, regex)
    return json_answer(await find_lines(parts.consoles, at, wanted))


@router.post("/consoles/{place:path}/retry", responses=describes(ConsoleRow))
async def retry_console(place: str, parts: Parts, request: Request, rack: str | None = None) -> Response:
    """Try a lost or held console again at once."""
    record, at = console_in(parts.fleet, place, rack)
    who = principal_of(request)
    status = msgspec.json.decode(await parts.consoles.ask(at, who, Verb.RETRY), type=ConsoleStatus)
    parts.store.audit(who.user, who.address, "console retry", at, "ok")
    titles = {c.place: t.title for t in layout_of(record).trays for c in t.consoles}
    return json_answer(_row(status, titles.get(at, "")))


@router.websocket("/consoles/{place:path}/attach")
async def attach(
    socket: WebSocket,
    place: str,
    rack: str | None = None,
    lines: Annotated[int, Query(ge=0, le=MOST_TAIL)] = 20,
    write: bool = False,
    take: Annotated[str, Query(max_length=MOST_REASON)] = "",
) -> None:
    """Watch a console and, when asked to, type on it; `take` is the reason for taking over from who writes."""
    parts: Services = socket.app.state.services
    who = socket.scope[PRINCIPAL]
    try:
        _record, at = console_in(parts.fleet, place, rack)
        watcher = await parts.consoles.watch(at)
    except RackwrightError as err:
        await socket.send_denial_response(problem_of(err))
        return
    try:
        watcher.position = await parts.consoles.tail(at, watcher.position, lines)
        await socket.accept()
        parts.store.audit(who.user, who.address, "console watch", at, "ok")
        wish = Wish("open", take) if write or take else None
        welcome = parts.doorkeeper.still_welcome
        hands = Hands(parts.consoles, watcher, who, parts.store)
        attachment = Attachment(socket, hands, lambda: welcome(who))
        await attachment.serve(wish)
    finally:
        parts.consoles.leave(watcher)


def _row(status: ConsoleStatus, tray: str) -> ConsoleRow:
    return ConsoleRow(
        place=status.place,
        tray=tray,
        protocol=status.protocol,
        address=status.address,
        state=status.state,
        since_s=status.since_s,
        error=status.error,
        bytes=status.end - status.first,
        lost=status.lost,
        writer=status.writer,
        writer_since_s=status.writer_since_s,
    )


def _unknown(record: RackRecord, why: str) -> list[ConsoleRow]:
    return [
        ConsoleRow(
            c.place, t.title, c.protocol, c.address, "unknown" if c.enabled else "off", None, why, 0, 0, "", None
        )
        for t in layout_of(record).trays
        for c in t.consoles
    ]
