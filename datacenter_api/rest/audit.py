"""The audit logs: who did what, record by record with its hashes, and the heads that prove all of it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from datacenter_api.services import Services, services_of
from firmware_bridge.vocabulary.errors import TargetUnknown
from rack_controller.audit_files import API_WRITER

router = APIRouter(prefix="/api/v1", tags=["accounts"])
Parts = Annotated[Services, Depends(services_of)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class AuditRow(_Body):
    """Who did what to what, when and how it ended.

    `chained` is false for lines of before the chain: they have no number, no hash of their own.
    """

    id: int
    unix_ns: int
    actor: str
    address: str
    what: str
    target: str
    outcome: str
    detail: str
    chained: bool
    writer: str = ""
    sequence: int = 0
    previous: str = ""
    hash: str = ""


class AuditHead(_Body):
    """The newest record of a log: kept elsewhere, its hash proves every record before it.

    `waiting` and `lost` are null where another process writes: only it knows.
    """

    writer: str
    sequence: int
    hash: str
    waiting: int | None
    lost: int | None
    trouble: str


@router.get("/audit")
async def list_audit(
    parts: Parts,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    writer: Annotated[str, Query(max_length=32)] = API_WRITER,
) -> list[AuditRow]:
    """The newest audit lines of one writer first: the API's own, or the controller's."""
    known = [standing.writer for standing in parts.store.standings()]
    if writer not in known:
        raise TargetUnknown(f"no audit log of {writer!r}", advice=f"one of: {', '.join(known)}")
    return [AuditRow.model_validate(row) for row in parts.store.audited(limit, writer)]


@router.get("/audit/heads")
async def list_heads(parts: Parts) -> list[AuditHead]:
    """The head of every writer's log, and what waits because the disk takes nothing."""
    return [
        AuditHead(
            writer=s.writer,
            sequence=s.head.sequence,
            hash=s.head.hash,
            waiting=s.waiting,
            lost=s.lost,
            trouble=s.trouble,
        )
        for s in parts.store.standings()
    ]
