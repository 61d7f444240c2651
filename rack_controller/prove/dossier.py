"""A dossier as files: a signed list that names every other file with its SHA-256.  Pure.

The list is one entry a line under a seal of its own; entries `file PATH` say what lies beside it.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from rack_controller.prove.many_files import sha256_in
from rack_controller.prove.seal import SUFFIX, judge

LIST = ".dossier.jsonl"
FILE = "file "


class Kept(msgspec.Struct, frozen=True):
    """One file beside the list."""

    path: str
    bytes: int
    sha256: str


class _Entry(msgspec.Struct, frozen=True):
    entry: str
    content: msgspec.Raw


class Found(msgspec.Struct, frozen=True):
    """What came of looking into a dossier: what is wrong, who signed, whether that key is trusted.

    `about`: the decision that it was signed for, empty where nobody can tell.
    """

    faults: list[str]
    signer: str
    trusted: bool
    about: str = ""


def entries_of(files: Mapping[str, bytes]) -> list[tuple[str, object]]:
    """Return the entries of a list for its files, in the order of their paths."""
    return [
        (FILE + path, Kept(path, len(content), hashlib.sha256(content).hexdigest()))
        for path, content in sorted(files.items())
    ]


def is_dossier(files: Mapping[str, bytes]) -> bool:
    """Return whether files, by path, have the list of a dossier among them."""
    return any(name.endswith(LIST) for name in files)


def look_into(files: Mapping[str, bytes], known: Sequence[str]) -> Found:
    """Say whether the files of a dossier are those that were signed, and whether what is sealed in them holds.

    `files`: by path below the dossier's folder.  `known`: names of keys that are trusted.
    """
    listed = [name for name in files if name.endswith(LIST) and "/" not in name]
    if len(listed) != 1 or listed[0] + SUFFIX not in files:
        return Found([f"it has {len(listed)} lists with their seals, one belongs in it"], "", trusted=False)
    name = listed[0]
    opinion = judge(name, files[name], files[name + SUFFIX], known)
    faults = [str(f) for f in opinion.faults]
    if not faults:
        faults += _beside(files, _kept(files[name]), {name, name + SUFFIX})
    for path in sorted(p for p in files if p.endswith(SUFFIX) and p != name + SUFFIX):
        sealed = path.removesuffix(SUFFIX)
        if sealed in files:
            # A passport is signed under its own name, wherever it lies.
            faults += [str(f) for f in judge(sealed.rpartition("/")[2], files[sealed], files[path], []).faults]
    about = opinion.statement.get("predicate", {}).get("about", {})
    return Found(faults, opinion.signer, opinion.trusted, str(about.get("decision", "")))


def _kept(content: bytes) -> list[Kept]:
    lines = [msgspec.json.decode(line, type=_Entry) for line in content.splitlines()]
    return [msgspec.json.decode(e.content, type=Kept) for e in lines if e.entry.startswith(FILE)]


def _beside(files: Mapping[str, bytes], kept: Sequence[Kept], own: set[str]) -> list[str]:
    wanted = {k.path: k.sha256 for k in kept}
    faults = [f"cut: {path}: it is not there any more" for path in wanted if path not in files]
    faults += [f"added: {path}: nobody signed it" for path in files if path not in wanted and path not in own]
    return faults + [
        f"altered: {path}: it is not the file that was signed"
        for path, digest in wanted.items()
        if path in files and sha256_in(files, path) != digest
    ]
