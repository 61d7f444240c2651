"""What a button looks like follows from what a press of it does: four kinds, the same on all pages.  Pure.

`console.css` draws each kind under its name.
"""

from enum import StrEnum


class ButtonKind(StrEnum):
    """What a press does.

    `ACT`: something is done or kept in the viewer's name; filled.  `HARM`: and something ends by it, loses power or is
    lost; filled in the colour of alarms.  `ASK`: nothing is done yet, a question comes or something is shown; an edge.
    `LEAVE`: nothing is done; bare.
    """

    ACT = "act"
    HARM = "harm"
    ASK = "ask"
    LEAVE = "leave"

    @property
    def classes(self) -> str:
        """Return the classes of such a button, also of one that is drawn as HTML."""
        return f"does {self}"
