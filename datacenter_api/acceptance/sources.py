"""What a run's report is made from, read from its folder and from the passports of the same state directory."""

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from datacenter_api.acceptance.beside import beside
from datacenter_api.acceptance.photos import FOLDER as PHOTOS
from datacenter_api.acceptance.photos import read_photo
from datacenter_api.acceptance.waivers import waivers_of
from firmware_bridge.vocabulary.errors import TargetUnknown
from rack_controller.acceptance.begin import PLAN
from rack_controller.acceptance.designs import design_or_why
from rack_controller.acceptance.ending import FACTS
from rack_controller.acceptance.kept import sha256_of
from rack_controller.acceptance.look_back import exhibits_of, plan_of_run
from rack_controller.acceptance.progress import ANSWERS, ASKED, answers_of, asked_of
from rack_controller.acceptance.run import EVIDENCE, FLOOR_USED, RECORD, RunFolder, suspects_of
from rack_controller.prove.report.make import Source
from rack_controller.prove.report.model import PassportSummary
from rack_controller.prove.run_files import WAIVERS
from rack_controller.prove.seal import SUFFIX, judge


def source_of(folder: RunFolder, state: Path, passport: PassportSummary | None = None) -> Source:
    """Return everything that a report of a run says.  Raises ConfigurationError where there is no such run."""
    record = folder.told()
    plan = plan_of_run(folder, record)
    design, lacks = design_or_why(record, state)
    return Source(
        record=record,
        plan=plan,
        asked=asked_of(folder.path),
        passport=passport,
        waivers=waivers_of(folder.path),
        answers=answers_of(folder.path),
        suspects=suspects_of(record, design),
        exhibits={} if plan is None or design is None else dict(exhibits_of(folder, record, plan, design)),
        versions=versions_of(folder.path),
        hashes=list(hashes_of(folder.path)),
        sealed=signer_of(folder.path),
        photos=photos_of(folder.path),
        beside=[(b.run, b.rack, b.outcome, b.steps) for b in beside(folder)],
        lacks_design=lacks,
    )


def photos_of(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Return the photos that answers name, as they are now, with their media types."""
    found: dict[str, tuple[str, bytes]] = {}
    for name in {a.photo for a in answers_of(folder) if a.photo}:
        try:
            content, kind = read_photo(folder, name)
        except TargetUnknown:
            continue
        found[name] = (kind, content)
    return found


def hashes_of(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield every file of a run that is evidence, with its SHA-256 as it is now."""
    fixed = [RECORD, PLAN, ASKED, ANSWERS, FLOOR_USED, FACTS, EVIDENCE, EVIDENCE + SUFFIX, WAIVERS, WAIVERS + SUFFIX]
    more = sorted(p.name for p in folder.glob("raw-*.npz")) + sorted(
        f"{PHOTOS}/{p.name}" for p in (folder / PHOTOS).glob("*") if p.is_file()
    )
    for name in (*fixed, *more):
        path = folder / name
        if path.is_file():
            yield name, sha256_of(path)


def versions_of(folder: Path) -> list[tuple[str, str]]:
    """Return the firmware that a run found, by kind of part, as its evidence has it; none before it is sealed."""
    found: dict[str, Counter[str]] = {}
    try:
        with (folder / EVIDENCE).open("rb") as lines:
            for line in itertools.islice(lines, 3):
                start = msgspec.json.decode(line).get("testRunArtifact", {}).get("testRunStart", {})
                for said in start.get("dutInfo", {}).get("softwareInfos", []):
                    kind = str(said["name"]).rpartition("/")[2].rstrip("0123456789")
                    found.setdefault(kind, Counter())[str(said["version"])] += 1
    except (OSError, KeyError, AttributeError, msgspec.MsgspecError):
        return []
    return [(kind, ", ".join(f"{v} on {n}" for v, n in seen.most_common())) for kind, seen in sorted(found.items())]


def signer_of(folder: Path) -> str:
    """Return the key that sealed a run's evidence, or that its seal does not hold; empty where it is not sealed."""
    try:
        content, sealed = (folder / EVIDENCE).read_bytes(), (folder / (EVIDENCE + SUFFIX)).read_bytes()
    except OSError:
        return ""
    opinion = judge(EVIDENCE, content, sealed, [])
    return opinion.signer if opinion.holds else "its seal does not hold"
