"""A plan that pushes one image to one part of an endpoint's firmware, and what must be so before.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed
from firmware_bridge.vocabulary.firmware import FirmwarePart, FirmwareSight
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerDepth
from firmware_bridge.vocabulary.quantities import Quantity, name_of
from firmware_bridge.vocabulary.sequence import Flashing
from rack_controller.model.image import FirmwareImage, ImageComponent
from rack_controller.model.layout import Layout
from rack_controller.model.lease import Direction, Facet
from rack_controller.model.operation import Manner, Plan, PlannedPush, PlannedStage, Step, Verb
from rack_controller.model.snapshot import Snapshot

ABSENT = "absent"
"""A controller that answers slowly has just been asked and did answer; one that is away is not written to."""
OK = "ok"


@dataclass(frozen=True, slots=True)
class PushWish:
    """What somebody wants: `image` on `part` (the inventory's Id; empty: the only one that takes it) of `endpoint`."""

    endpoint: Place
    image: FirmwareImage
    part: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What stands against it: `kept_off` a latch or bypass at the tray, `works_on` who works there; empty: nothing."""

    kept_off: str = ""
    works_on: str = ""


def plan_push(
    wish: PushWish,
    layout: Layout,
    flashing: Flashing,
    request_s: float,
    snapshot: Snapshot | None,
    sight: FirmwareSight,
    ground: Ground,
) -> Plan:
    """Return the plan; one of no stages when the part runs the image already.

    Raises ArgumentsInvalid (the image does not fit) or PreconditionFailed (the tray must not be written to now).
    """
    _check_ground(wish.endpoint, snapshot, ground)
    if not sight.offers:
        raise ArgumentsInvalid(f"{wish.endpoint} takes no image that is pushed to it", advice="use its maker's tool")
    if sight.most_bytes and wish.image.size > sight.most_bytes:
        raise ArgumentsInvalid(
            f"{wish.image.name} has {wish.image.size} bytes, {wish.endpoint} takes {sight.most_bytes}",
            advice="use the image for this kind of tray",
        )
    if sight.running:
        raise PreconditionFailed(f"{wish.endpoint} is being updated already", advice="wait until that has ended")
    part = _part(wish, sight.parts)
    versions = _versions(wish.image, part)
    already = part.version in versions
    push = PlannedPush(
        wish.image.image,
        wish.image.size,
        part.id,
        part.uri,
        part.version,
        versions,
        flashing.within_s,
        flashing.back_s,
    )
    tray = tray_of(wish.endpoint)
    name = f"{leaf_of(tray)}/{leaf_of(wish.endpoint)}"
    step = Step(
        id=f"firmware/{name}/{part.id}",
        tray=tray,
        endpoint=wish.endpoint,
        goal="firmware",
        acts=[],
        direction=Direction.NEUTRAL,
        facet=Facet.FIRMWARE,
        push=push,
    )
    title = f"{part.id} of {name}: {part.version or 'version not said'} becomes {' or '.join(versions)}"
    return Plan(
        rack=layout.rack,
        generation=layout.generation,
        verb=Verb.PUSH,
        target=wish.endpoint,
        depth=PowerDepth.NONE,
        manner=Manner.GRACEFUL_THEN_FORCE,
        stages=[] if already else [PlannedStage("firmware", title, [step])],
        already=[wish.endpoint] if already else [],
        charges={},
        usable_w=layout.busbar_power_usable_w,
        request_s=request_s,
    )


def _check_ground(endpoint: Place, snapshot: Snapshot | None, ground: Ground) -> None:
    tray = tray_of(endpoint)
    name = leaf_of(tray)
    if ground.kept_off:
        raise PreconditionFailed(f"nothing is written to {name}: {ground.kept_off}", advice="see to that first")
    if ground.works_on:
        raise PreconditionFailed(f"{name} is under maintenance: {ground.works_on}", advice="end it first")
    state = None if snapshot is None else snapshot.endpoints.get(endpoint)
    if snapshot is None or state is None or state.management == ABSENT:
        how = "has not been read yet" if state is None else f"is {state.management}"
        raise PreconditionFailed(f"{endpoint} {how}", advice="only what answers is written to")
    health = snapshot.good(tray, Quantity.HEALTH)
    if health is not None and name_of(Quantity.HEALTH, health) != OK:
        said = name_of(Quantity.HEALTH, health)
        raise PreconditionFailed(f"{name} says that its health is {said}", advice="see to that first")


def _part(wish: PushWish, parts: Sequence[FirmwarePart]) -> FirmwarePart:
    listed = ", ".join(p.id for p in parts if p.updateable)
    if wish.part:
        found = next((p for p in parts if p.id == wish.part), None)
        if found is None:
            raise ArgumentsInvalid(f"{wish.endpoint} has no firmware {wish.part!r}", advice=f"it has {listed}")
        if not found.updateable:
            raise ArgumentsInvalid(f"{wish.part} of {wish.endpoint} cannot be written", advice=f"these can: {listed}")
        return found
    carried = {c.software_id.lower() for c in wish.image.components}
    fits = [p for p in parts if p.updateable and p.software_id.lower() in carried]
    if len(fits) != 1:
        which = ", ".join(p.id for p in fits) or listed
        said = "several parts take" if fits else "no part says that it takes"
        raise ArgumentsInvalid(f"{said} {wish.image.name}", advice=f"name one with --part: {which}")
    return fits[0]


def _versions(image: FirmwareImage, part: FirmwarePart) -> list[str]:
    """Return what the part may say that it runs once it runs this image.  Raises ArgumentsInvalid."""
    meant = [c for c in image.components if part.software_id and c.software_id.lower() == part.software_id.lower()]
    if part.software_id and not meant:
        carried = ", ".join(f"{c.software_id} ({c.version})" for c in image.components[:4])
        raise ArgumentsInvalid(
            f"{image.name} carries nothing for {part.id} ({part.software_id})", advice=f"it carries {carried}"
        )
    found: Sequence[ImageComponent] = meant or image.components
    return list(dict.fromkeys(c.version for c in found if c.version)) or [image.version]
