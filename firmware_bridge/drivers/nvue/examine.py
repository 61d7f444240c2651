"""Reads properties of an NVOS where its generation says they stand (`/nvue_v1/…#/name`).  Only GET; judges nothing."""

from collections.abc import Sequence

from firmware_bridge.drivers.nvue.link import ROOT, NvueLink
from firmware_bridge.drivers.redfish.link import PATIENT
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, LoginRefused
from firmware_bridge.vocabulary.neighbour import SeenNeighbour
from firmware_bridge.vocabulary.settings import Examination, Found, Question, SettingKind
from firmware_bridge.wire.nvue.identity import answer_of, identity_of
from firmware_bridge.wire.nvue.neighbours import neighbours_of
from firmware_bridge.wire.redfish.guard import Document

PLATFORM = "/platform"
MANAGEMENT = ("eth0", "eth1")


async def examine(link: NvueLink, questions: Sequence[Question]) -> Examination:
    """Return what NVOS says to each question about one property, and which tray it runs on.

    Raises what the link raises for `/platform`, and when NVOS goes silent or refuses the login.
    """
    documents: dict[str, Document | None] = {PLATFORM: await link.get(PLATFORM, PATIENT)}
    found: dict[str, tuple[Found, ...]] = {}
    neighbours: list[SeenNeighbour] = []
    for question in questions:
        if question.kind is SettingKind.NEIGHBOURS:
            for name in MANAGEMENT:
                heard = await _read(link, documents, f"/interface/{name}/lldp/neighbor")
                neighbours += neighbours_of(heard or {}, name)
            continue
        answers: list[Found] = []
        for where in question.read if question.kind is SettingKind.PROPERTY else ():
            uri, _, pointer = where.partition("#")
            document = await _read(link, documents, uri.removeprefix(ROOT))
            answers += answer_of(document, uri, pointer) if document is not None else ()
        found[question.name] = tuple(answers)
    return Examination(identity_of(documents[PLATFORM] or {}), found, neighbours=tuple(neighbours))


async def _read(link: NvueLink, documents: dict[str, Document | None], path: str) -> Document | None:
    if path not in documents:
        try:
            documents[path] = await link.get(path, PATIENT)
        except (EndpointUnreachable, LoginRefused):
            raise
        except DeviceError:
            documents[path] = None  # not there is not said
    return documents[path]
