"""An XID (NVIDIA's number for an error of a GPU) that a tray's controller told of by itself."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place


@dataclass(frozen=True, slots=True)
class ToldXid:
    """`place` is the GPU, or the tray where it is not known which; `text` is the driver's own, scrubbed; `pci` is the
    GPU's address where the text names it; `told_at` is the device's own time."""

    place: Place
    number: int
    text: str
    pci: str = ""
    told_at: str = ""
