"""Which limits lie over each other above a GPU's own, as a generation's `limits.yaml` states them.  Powers in W.

A module is what carries some GPUs and a CPU on one board (a superchip); a tray carries modules.  A workload profile
gives a GPU a share of its default limit; a smoothing floor is what a GPU draws at least while it is smoothed.
"""

from typing import Annotated

import msgspec

from firmware_bridge.vocabulary.generation import Fact

LAYERS_SCHEMA = 1

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
_Watts = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


class ModuleLayer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`gpus` of a tray share one module, counted from gpu0 on; beside them it carries `others_w`.  `most_w`: what it
    draws at most for as long as it likes (TDP); `peak_w`: and for a moment (EDPp), which is no limit to be set."""

    name: _Name
    gpus: Annotated[int, msgspec.Meta(ge=1, le=64)]
    others_w: Annotated[float, msgspec.Meta(ge=0, le=1e6)]
    most_w: _Watts
    peak_w: _Watts | None = None


class TrayLayer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tray draws at most `most_w`, `others_w` of it beside its GPUs."""

    most_w: _Watts
    others_w: Annotated[float, msgspec.Meta(ge=0, le=1e6)]


class WorkloadProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`share` of its default limit is what a GPU in this profile draws at most."""

    name: _Name
    title: str
    share: _Share


class SmoothingFloor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Between which shares of its most a GPU's floor can be set."""

    least: _Share
    most: _Share


class LimitLayers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a generation states; what is left out does not exist in it.  `facts`: as in `rack.yaml`."""

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=LAYERS_SCHEMA)] = LAYERS_SCHEMA
    module: ModuleLayer | None = None
    tray: TrayLayer | None = None
    profiles: list[WorkloadProfile] = []
    smoothing: SmoothingFloor | None = None
    facts: dict[str, Fact] = {}

    def profile(self, name: str) -> WorkloadProfile | None:
        """Return the profile of that name, None where there is none."""
        return next((p for p in self.profiles if p.name == name), None)
