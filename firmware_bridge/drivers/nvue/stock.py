"""What an NVOS is made of: platform, firmware, ports and applications, with notes on all that is odd.  Reads only."""

from firmware_bridge.drivers.nvue.link import ROOT, NvueLink
from firmware_bridge.drivers.redfish.link import BACKGROUND
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, LoginRefused
from firmware_bridge.vocabulary.inventory import EndpointReport, Note
from firmware_bridge.wire.nvue.report import PATHS, report_of
from firmware_bridge.wire.redfish.guard import Document


async def take_stock(link: NvueLink) -> EndpointReport:
    """Return the report of one NVOS.  A path it refuses is a note; silence and a refused login raise DeviceError."""
    documents: dict[str, Document] = {}
    notes: list[Note] = []
    for path in PATHS:
        try:
            documents[path] = await link.get(path, BACKGROUND)
        except (EndpointUnreachable, LoginRefused):
            raise
        except DeviceError as err:
            notes.append(Note(ROOT + path.partition("?")[0], "", f"{type(err).__name__}: {err.detail}"))
    return report_of(documents, {"place": link.endpoint, "url": link.origin}, notes)
