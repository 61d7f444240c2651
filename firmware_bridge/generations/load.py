"""Generation folders become Generation values, or an error that names file, line, field and what was expected."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from firmware_bridge.generations.limit_layers import read_limit_layers
from firmware_bridge.generations.placement import place_trays
from firmware_bridge.generations.schema import (
    ColdPlateFile,
    DomainFile,
    EndpointFile,
    FactFile,
    RackFile,
    SupplyFile,
    TrayFile,
)
from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.generations.sequence import read_sequence
from firmware_bridge.generations.serial import check_units, serial_lines, units_of_trays
from firmware_bridge.generations.settings import with_settings
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import (
    Busbar,
    ColdPlate,
    ComponentSpec,
    ConsoleSpec,
    Coolant,
    Domain,
    EndpointSpec,
    Fact,
    Feed,
    Generation,
    NvlinkPlan,
    RequestLimits,
    TrayType,
)
from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.supply import RideThrough, Supply
from firmware_bridge.vocabulary.units import Celsius, LitersPerMinute, Seconds, Watts
from firmware_bridge.wire.located_yaml import Located, convert, merge, parse

MOST_EXTENDS = 8


def generation_folders(search: Sequence[Path] = ()) -> dict[str, Path]:
    """Return every generation's folder by name; folders in `search` come before the seeds."""
    found: dict[str, Path] = {}
    for root in (*search, seeds_folder() / "generations"):
        if root.is_dir():
            for folder in sorted(p.parent for p in root.glob("*/rack.yaml")):
                found.setdefault(folder.name, folder)
    return found


def load_generation(name: str, search: Sequence[Path] = ()) -> Generation:
    """Load one generation by folder name or alias.

    Raises ConfigurationError (unknown name, with the known ones) or FileInvalid (file, line, field, expected).
    """
    folders = generation_folders(search)
    if name not in folders:
        by_alias = {alias: g for g, folder in folders.items() for alias in _aliases(folder)}
        if name not in by_alias:
            raise ConfigurationError(
                f"unknown generation {name!r}", advice=f"known are {', '.join(sorted({*folders, *by_alias}))}"
            )
        name = by_alias[name]
    document, chain = _read(folders[name] / "rack.yaml"), [name]
    if document.value.get("name") != name:
        raise document.complaint("name", f"expected {name!r}, as its folder is called")
    said = _Said()
    said.add(folders[name], document)
    for _ in range(MOST_EXTENDS):
        base = document.value.get("extends")
        if base is None:
            generation = _generation(document)
            layers = next((found for each in chain if (found := read_limit_layers(folders[each])) is not None), None)
            sequence, (own, shipped) = read_sequence(name, folders), said.digests()
            return replace(generation, sequence=sequence, layers=layers, own_sha256=own, shipped_sha256=shipped)
        if not isinstance(base, str) or base not in folders:
            raise document.complaint("extends", f"expected a known generation ({', '.join(sorted(folders))})")
        chain.append(base)
        lower = _read(folders[base] / "rack.yaml")
        said.add(folders[base], lower)
        lower.value.pop("aliases", None)  # another name of the base is not a name of this one
        over = dict(document.value)
        del over["extends"]
        document = merge(lower, Located(over, document.places))
    raise document.complaint("extends", f"expected a chain of at most {MOST_EXTENDS} generations, without a circle")


class _Said:
    """What the files of a design say, of the installation's own and of those that ship apart."""

    def __init__(self) -> None:
        self._own, self._shipped = "", ""

    def add(self, folder: Path, document: Located) -> None:
        """Take what a generation's folder says, before it is merged with what it extends."""
        text = json.dumps(document.value, default=str)
        if folder.parent == seeds_folder() / "generations":
            self._shipped += text
        else:
            self._own += text

    def digests(self) -> tuple[str, str]:
        """Return the digests of both; empty where no file of that kind said anything."""
        own, shipped = (
            hashlib.sha256(text.encode()).hexdigest() if text else "" for text in (self._own, self._shipped)
        )
        return own, shipped


def _read(path: Path) -> Located:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="restore the generation folder") from err
    document = parse(text, str(path))
    if not isinstance(document.value, dict):
        raise document.complaint("", "expected a mapping")
    return document


def _aliases(folder: Path) -> list[str]:
    aliases = _read(folder / "rack.yaml").value.get("aliases", [])
    return [str(a) for a in aliases] if isinstance(aliases, list) else []


def _generation(document: Located) -> Generation:
    file = convert(document, "", RackFile)
    missing = [c for c in ReadingClass if c not in file.periods_s]
    if missing:
        raise document.complaint("periods_s", f"expected a period for each class, missing {', '.join(missing)}")
    trays = {n: _tray(document, n, convert(document, f"tray_types.{n}", TrayFile)) for n in file.tray_types}
    trays = with_settings(document, file, trays)
    facts = _facts(document, file)
    slots = place_trays(document, file, trays)
    lines = serial_lines(document, file)
    check_units(document, trays, lines)
    return Generation(
        name=file.name,
        title=file.title,
        height_u=file.height_u,
        slots=slots,
        busbar=Busbar(file.busbar.voltage_nominal_v, Watts(file.busbar.power_max_w), Watts(file.busbar.power_usable_w)),
        feeds=tuple(
            Feed(f.name, f.phases, f.voltage_nominal_v, f.breaker_a, f.branch_breaker_a, f.continuous)
            for f in file.feeds
        ),
        domains=tuple(Domain(d.name, d.gpus, d.racks, _nvlink(d)) for d in file.domains),
        coolant=Coolant(
            Celsius(file.coolant.supply_nominal_c),
            LitersPerMinute(file.coolant.flow_rated_lpm),
            file.coolant.heat_capacity_j_per_l_k,
            file.coolant.fluid,
            file.coolant.additive,
            file.coolant.additive_percent,
        ),
        periods={c: Seconds(p) for c, p in file.periods_s.items()},
        facts=facts,
        aliases=tuple(file.aliases),
        confirmed=file.confirmed,
        lines=lines,
        rack_units=file.rack_units,
        supply=_supply(file.supply),
    )


def _supply(file: SupplyFile) -> Supply:
    return Supply(
        redundancy=file.redundancy,
        two_feeds=file.two_feeds,
        sharing=file.sharing,
        efficiency=file.efficiency,
        power_factor=file.power_factor,
        derate_from=Celsius(file.derate_from_c),
        derate_per_k=file.derate_per_k,
        rides=tuple(RideThrough(r.loss, r.by, r.share, Seconds(r.for_s)) for r in file.rides_through),
    )


def _facts(document: Located, file: RackFile) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for path, said in file.facts.items():
        try:
            fact = msgspec.convert(said, FactFile)
        except msgspec.ValidationError as err:
            raise document.complaint(f"facts.{path}", str(err)) from err
        facts[path] = Fact(fact.source, fact.confirmed)
    return facts


COOLED_ALONE = frozenset({"gpu"})
"""Parts whose cold plates the plant minds one by one."""


def _tray(document: Located, name: str, tray: TrayFile) -> TrayType:
    for n, c in enumerate(tray.components):
        if c.cold_plate is not None and c.name not in COOLED_ALONE:
            said = f"expected at {' or '.join(sorted(COOLED_ALONE))} only: no other part's is modelled"
            raise document.complaint(f"tray_types.{name}.components[{n}].cold_plate", said)
    return TrayType(
        name=name,
        kind=tray.kind,
        title=tray.title,
        height_u=tray.height_u,
        components=tuple(
            ComponentSpec(
                c.name,
                c.count,
                _watts(c.power_idle_w),
                _watts(c.power_max_w),
                _watts(c.limit_min_w),
                _watts(c.limit_max_w),
                _watts(c.limit_default_w),
                frozenset(c.limit_outlives),
                _cold_plate(c.cold_plate),
            )
            for c in tray.components
        ),
        endpoints=tuple(
            _endpoint(document, f"tray_types.{name}.endpoints[{n}]", e, {c.name for c in tray.components})
            for n, e in enumerate(tray.endpoints)
        ),
        power_max=_watts(tray.power_max_w),
        power_base=_watts(tray.power_base_w),
        output_max=_watts(tray.output_max_w),
        coolant_flow_rated=(
            None if tray.coolant_flow_rated_lpm is None else LitersPerMinute(tray.coolant_flow_rated_lpm)
        ),
        heat_rated=_watts(tray.heat_rated_w),
        consoles=_consoles(document, f"tray_types.{name}", tray),
    )


def _consoles(document: Located, path: str, tray: TrayFile) -> tuple[ConsoleSpec, ...]:
    taken = {e.name for e in tray.endpoints} | {c.name for c in tray.components}
    for n, console in enumerate(tray.consoles):
        if console.name in taken:
            said = f"expected a name of its own, {console.name!r} is taken in this tray"
            raise document.complaint(f"{path}.consoles[{n}].name", said)
        taken.add(console.name)
    return tuple(
        ConsoleSpec(c.name, c.protocol, c.device, c.enabled, LineSettings(c.baud, c.parity, c.stop_bits))
        for c in tray.consoles
    )


def _endpoint(document: Located, path: str, e: EndpointFile, components: set[str]) -> EndpointSpec:
    limits = RequestLimits(
        e.limits.in_flight,
        e.limits.requests_per_second,
        Seconds(e.limits.timeout_s),
        e.limits.most_bytes,
        e.limits.most_depth,
        Seconds(e.limits.leak_blind_s),
    )
    units = units_of_trays(document, path, e)
    for n, part in enumerate(e.subtree_parts):
        if part not in components or e.subtree is None:
            expected = "expected a component of this tray, on an endpoint with a subtree"
            raise document.complaint(f"{path}.subtree_parts[{n}]", f"{expected}, got {part!r}")
    return EndpointSpec(
        *(e.name, e.protocol, e.driver, e.enabled, e.device, e.subtree, limits, e.read, e.line, units),
        subtree_parts=tuple(e.subtree_parts),
    )


def _nvlink(domain: DomainFile) -> NvlinkPlan | None:
    wired = domain.nvlink
    if wired is None:
        return None
    return NvlinkPlan(
        wired.links_per_gpu,
        wired.ports_per_tray,
        wired.chips_per_tray,
        wired.port,
        wired.first_port,
        tuple(wired.fabric_manager_trays),
        wired.ber_high,
        wired.recoveries_per_hour_high,
    )


def _cold_plate(file: ColdPlateFile | None) -> ColdPlate | None:
    return None if file is None else ColdPlate(file.junction_k_per_w, file.convection_k_per_w)


def _watts(value: float | None) -> Watts | None:
    return None if value is None else Watts(value)
