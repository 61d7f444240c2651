"""How virtual racks are made and what their instruments show, as `seeds/acceptance/virtual.yaml` says it."""

from pathlib import Path
from typing import Literal

import msgspec

from firmware_bridge.generations.instruments import Instrument, Paper, instruments_document
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.wire.located_yaml import convert


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Means and spreads of parts, instruments, and what parts say of themselves.

    `trunks`: ports that lead to other racks of a domain; what holds of `port` holds of them.
    """

    schema_version: Literal[1]
    fans_per_tray: int
    nic_gbps: float
    link_gbps: float
    work_rate: float
    memory_rate: float
    clock_hz: float
    made: dict[str, tuple[float, float, Literal["normal", "uniform", "lognormal"]]]
    instruments: dict[str, Instrument]
    papers: dict[str, Paper]
    firmware: dict[str, str]
    trunks: list[str] = []


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a change is in force, for what is not wrong all the time; each that is given must hold.

    `of`: a series whose truth is `above` or `below` a value at its own place, in its tray, or else anywhere in the
    rack; `after`: a verb was given to it, to what it lies in or to the rack, `wait_s` before, and for `for_s` from then
    on; `every_s`: again and again, for `for_s` each.  `stays`: once in force, always.
    """

    of: str = ""
    above: float | None = None
    below: float | None = None
    after: str = ""
    wait_s: float = 0.0
    every_s: float = 0.0
    for_s: float = 0.0
    stays: bool = False


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is not as it should be.

    `set`: a parameter of how parts are made (`gpu.resistance`), `times` or `plus` or `to` a value. `sensor`: an
    instrument's series, with `times`, `plus`, `drift_per_h`, `noisy` (times its noise), `stuck` or `dead`; `flaky`:
    so large a share of its readings is lost, `spiky`: is half as high again, `period_s`: it shows something new so
    rarely; `to` an `@place`: it shows that part's channel, or `mixes` so large a share of it in; `shows`: another
    quantity's; `lag_s`: it follows within so long; `step`: in steps so coarse; `least`, `most`: nothing beyond;
    `wraps`: it counts up to that and from nothing again; `holds`: the most that it ever saw. `fact`: what a part says
    of itself, `to` a value, or `drift_per_h` (its unit an hour). `swap`: two parts' places in a wiring (`hose`, `leak`,
    `cable`, `sensor`), their identities (`identity`), or all that is read of two trays (`reports`). `record`: a floor
    record's number.

    `at`: places; one with a `*` stands for all parts of the kind that are called so.  `when`: only then.
    """

    at: list[str]
    set: str = ""
    sensor: str = ""
    fact: str = ""
    swap: Literal["", "hose", "leak", "cable", "identity", "sensor", "reports"] = ""
    record: str = ""
    field: str = ""
    times: float = 1.0
    plus: float = 0.0
    to: float | str | bool | None = None
    drift_per_h: float = 0.0
    noisy: float = 1.0
    flaky: float = 0.0
    spiky: float = 0.0
    period_s: float = 0.0
    stuck: bool = False
    dead: bool = False
    mixes: float = 0.0
    shows: str = ""
    lag_s: float = 0.0
    step: float = 0.0
    least: float | None = None
    most: float | None = None
    wraps: float = 0.0
    holds: bool = False
    when: When | None = None

    @property
    def other(self) -> str:
        """Return the part whose channel or fact it shows, empty for none."""
        return self.to[1:] if isinstance(self.to, str) and self.to.startswith("@") else ""


class Planted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault to be found: what is changed, which steps should find it, and the parts that they should name.

    `designs`: the only ones that it can be planted in, where it cannot be in all.  `of`: whose places it names, where
    it is about parts that the file's generation does not have.
    """

    id: str
    title: str
    changes: list[Change]
    steps: list[str]
    parts: list[str]
    designs: list[str] = []
    of: str = ""


class PlantedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of planted faults for one generation."""

    schema_version: Literal[1]
    generation: str
    faults: list[Planted]


def read_recipe(path: Path | None = None) -> Recipe:
    """Return the recipe that ships, or a file's.  Raises ConfigurationError, FileInvalid (file, line, field)."""
    recipe = convert(instruments_document(path), "", Recipe)
    ports = {n: i for n, i in recipe.instruments.items() if n.startswith("port.")}
    more = {trunk + n.removeprefix("port"): i for trunk in recipe.trunks for n, i in ports.items()}
    return msgspec.structs.replace(recipe, instruments=recipe.instruments | more)


def read_planted(path: Path | None = None) -> PlantedFile:
    """Return the planted faults that ship, or a file's.  Raises ConfigurationError, FileInvalid."""
    document = instruments_document(path or seeds_folder() / "acceptance" / "planted.yaml")
    file = convert(document, "", PlantedFile)
    seen: set[str] = set()
    for n, fault in enumerate(file.faults):
        if fault.id in seen:
            raise document.complaint(f"faults[{n}].id", f"expected an id of its own, got {fault.id!r}")
        seen.add(fault.id)
    return file
