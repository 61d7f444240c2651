"""Limits of a GPU host in band, the controller's side: what its agent keeps, and the message that grants it more."""

from collections.abc import Callable, Mapping

from firmware_bridge.vocabulary.kept import Kept
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.grants import VERSION, GpuGrant, Grant, HeldGrant, encode_grant
from firmware_bridge.wire.nvml.message import AgentMessage

_SAME_W = 1.0


def kept_of(held: HeldGrant, heard_at: Seconds, host: Place, place_of: Callable[[int], Place | None]) -> Kept:
    """Return what an agent said that it keeps, by the places of the tray's own GPUs.

    A limit counts only when it is enforced too: a driver that lets a GPU draw more than was set keeps nothing.
    """
    limits: dict[Place, float] = {}
    refused = {host: scrub(held.refused, 200)} if held.refused else {}
    for gpu in held.gpus:
        place = place_of(gpu.gpu)
        if place is None:
            continue
        if gpu.limit_w is None or gpu.enforced_w is None or gpu.enforced_w > gpu.limit_w + _SAME_W:
            refused[place] = scrub(gpu.refused, 200) or "its driver does not enforce the limit"
        else:
            limits[place] = gpu.limit_w
            if gpu.refused:
                refused[place] = scrub(gpu.refused, 200)
    return Kept(held.epoch, held.number, heard_at, Seconds(heard_at + max(held.left_s, 0.0)), limits, refused)


def grant_to(
    message: AgentMessage,
    epoch: int,
    number: int,
    lasts: Seconds,
    watts: Mapping[Place, tuple[float, float]],
    number_of: Callable[[Place], int],
) -> bytes:
    """Return the message that grants these limits and standing limits, W, in answer to `message`."""
    gpus = [GpuGrant(number_of(place), limit, min(limit, stands)) for place, (limit, stands) in watts.items()]
    return encode_grant(Grant(VERSION, epoch, number, message.boot, message.sequence, lasts, gpus))
