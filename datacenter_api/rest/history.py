"""History: a series over time as JSON or CSV, mean, least and most per step."""

import asyncio
import time
from typing import Annotated

import msgspec
import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response

from datacenter_api.fleet.places import in_full
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.state import FleetState
from datacenter_api.history.question import MOST_SERIES, Span, TooManyPoints, make_span, parse_step, parse_time
from datacenter_api.history.sheet import Stretch
from datacenter_api.problem import problem
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.services import Services, services_of
from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.quantities import SPECS, Quantity, SeriesKind
from rack_controller.model.table import SeriesKey

router = APIRouter(prefix="/api/v1", tags=["history"])
Parts = Annotated[Services, Depends(services_of)]
_PARAMETERS = {"series", "from", "to", "step", "format"}
"""A misspelt `form=-7d` would otherwise be answered with the last hour."""


class HistorySeries(msgspec.Struct, frozen=True):
    """One series, one entry per bucket: null where nothing good was read; `count` readings stand behind a bucket."""

    place: str
    quantity: str
    unit: str
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    count: list[int]


class HistoryAnswer(msgspec.Struct, frozen=True):
    """`times` are the buckets' begins in Unix s; `to` is the end of the last one."""

    rack: str
    from_: int = msgspec.field(name="from")
    to: int = 0
    step_s: int = 0
    times: list[int] = []
    series: list[HistorySeries] = []


@router.get("/racks/{rack:path}/history", responses=describes(HistoryAnswer))
async def show_history(
    rack: str,
    parts: Parts,
    request: Request,
    series: Annotated[list[str], Query(description="PLACE:QUANTITY, in full or from the tray on; may be repeated")],
    from_: Annotated[str, Query(alias="from", description="ISO 8601, Unix seconds, or -1h")] = "-1h",
    to: Annotated[str, Query(description="as `from`, or `now`")] = "now",
    step: Annotated[str, Query(description="seconds, or `auto`")] = "auto",
    format: Annotated[str, Query(pattern="^(json|csv)$")] = "",
) -> Response:
    """Series over time.  404 for one nobody has heard of, 422 for a time, a step or a size that cannot be."""
    record = parts.fleet.find(rack)
    if len(series) > MOST_SERIES:
        return problem(422, f"at most {MOST_SERIES} series at once, {len(series)} asked for")
    if strange := sorted(set(request.query_params) - _PARAMETERS):
        return problem(422, f"no parameter {strange[0]!r}", advice=f"known are {', '.join(sorted(_PARAMETERS))}")
    try:
        now = time.time()
        begin, end = parse_time(from_, now), parse_time(to, now)
        span = make_span(begin, end, parse_step(step, begin, end), len(series))
    except TooManyPoints as err:
        return problem(422, str(err), advice=f"step={err.step_s}", code="too_many_points")
    except ValueError as err:
        return problem(422, str(err))
    keys = [_key(parts.fleet, record, text) for text in series]
    for key in keys:
        if not _live(record, key) and not await asyncio.to_thread(parts.history.knows, record.token, key):
            raise TargetUnknown(f"no series {key[0]}:{key[1]}", advice="see `rackwright sensor list`")
    stretches = await parts.history.read(record.token, keys, span)
    if format == "csv" or (not format and "text/csv" in request.headers.get("accept", "")):
        return Response(_csv(keys, stretches), media_type="text/csv; charset=utf-8")
    return json_answer(_answer(record, span, keys, stretches))


def _key(fleet: FleetState, record: RackRecord, text: str) -> SeriesKey:
    place, _, quantity = text.rpartition(":")
    if quantity not in list(Quantity):
        raise TargetUnknown(f"no series {text!r}: expected PLACE:QUANTITY", advice="for example u12/gpu0:power")
    return in_full(record, place, fleet), Quantity(quantity)


def _live(record: RackRecord, key: SeriesKey) -> bool:
    return record.columns is not None and key in record.columns.index


def _answer(record: RackRecord, span: Span, keys: list[SeriesKey], stretches: list[Stretch]) -> HistoryAnswer:
    return HistoryAnswer(
        rack=record.place or record.token,
        from_=span.from_s,
        to=span.to_s,
        step_s=span.step_s,
        times=[span.from_s + span.step_s * n for n in range(span.buckets)],
        series=[_series(key, stretch) for key, stretch in zip(keys, stretches, strict=True)],
    )


def _series(key: SeriesKey, stretch: Stretch) -> HistorySeries:
    counts = SPECS[key[1]].kind is SeriesKind.COUNTER
    mean, least, most = (_numbers(values, counts) for values in (stretch.mean, stretch.least, stretch.most))
    return HistorySeries(key[0], key[1], SPECS[key[1]].unit, mean, least, most, stretch.count.tolist())


def _numbers(values: NDArray[np.float64], counts: bool) -> list[float | None]:
    """Return numbers as people write them: 7 digits of a float32, whole counters."""
    return [None if v != v else (int(v) if counts else float(f"{v:.7g}")) for v in values.tolist()]


def _csv(keys: list[SeriesKey], stretches: list[Stretch]) -> str:
    lines = ["time,place,quantity,unit,mean,min,max,count"]
    for key, stretch in zip(keys, stretches, strict=True):
        one = _series(key, stretch)
        times = (stretch.times_ms // 1_000).tolist()
        for at, mean, least, most, count in zip(times, one.mean, one.min, one.max, one.count, strict=True):
            cells = ["" if v is None else str(v) for v in (mean, least, most)]
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
            lines.append(",".join([moment, one.place, one.quantity, one.unit, *cells, str(count)]))
    return "\n".join(lines) + "\n"
