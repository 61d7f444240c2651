"""Firmware images: handed in as they come from their maker, checked, and listed.  Pushing one is an operation."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.rest.bodies import FILE, whole_body
from datacenter_api.routes import MOST_IMAGE_BYTES
from datacenter_api.services import Services, principal_of, services_of
from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from rack_controller.images import MOST_NAME, Images
from rack_controller.model.image import FirmwareImage
from rack_controller.service import IMAGES

router = APIRouter(prefix="/api/v1/firmware", tags=["firmware"])
Parts = Annotated[Services, Depends(services_of)]


@router.get("/images", responses=describes(list[FirmwareImage]))
async def list_images(parts: Parts) -> Response:
    """The images that are kept, the newest first: what each is called, how large it is and what it carries."""
    return json_answer(await asyncio.to_thread(Images(parts.state / IMAGES).listed))


@router.post("/images", status_code=201, responses=describes(FirmwareImage), openapi_extra=FILE)
async def take_image(
    parts: Parts, request: Request, name: Annotated[str, Query(max_length=MOST_NAME)] = ""
) -> Response:
    """Take an image as the body; it is named by its SHA-256.  What is no whole PLDM package is refused."""
    who, data = principal_of(request), await whole_body(request, "the image", MOST_IMAGE_BYTES)
    try:
        image = await asyncio.to_thread(Images(parts.state / IMAGES).keep, data, name, time.time_ns())
    except ArgumentsInvalid as err:
        parts.store.audit(who.user, who.address, "firmware image", name or "unnamed", "refused", err.what)
        raise
    parts.store.audit(who.user, who.address, "firmware image", image.name, "kept", image.image)
    answer = json_answer(image)
    answer.status_code = 201
    return answer
