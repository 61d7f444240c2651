"""What enrolment asks of an endpoint: which certificate it shows, and who it is once somebody has logged in."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from firmware_bridge.vocabulary.identity import Certificate, Identity
from firmware_bridge.vocabulary.line import LineLook
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.settings import Examination, Question, Scalar


@runtime_checkable
class Pinned(Protocol):
    """An endpoint that is trusted by the public key of its certificate."""

    @property
    def pin(self) -> str:
        """Return the pin that the site file holds: the only certificate that is read."""
        ...

    async def shown_certificate(self) -> Certificate:
        """Return the certificate that the endpoint shows now, trusted or not; sends no request and no credential.

        Raises EndpointUnreachable or TrustRefused (a certificate that cannot be read).
        """
        ...


class Account(Protocol):
    """The account by which an endpoint is read, while its password is being changed: the old one and a new one."""

    @property
    def place(self) -> Place:
        """Return the endpoint's place."""
        ...

    @property
    def pending(self) -> bool:
        """Return whether a second password is kept that may be the device's."""
        ...

    @property
    def factory(self) -> bool:
        """Return whether the password is one that the device came with."""
        ...

    @property
    def promoted(self) -> bool:
        """Return whether the new password has taken the old one's place."""
        ...

    async def change(self) -> None:
        """Log in with the old password and ask for the new one.  Returns when it may have been taken, proven or not.

        Raises DeviceError when it was not, and the old one stands: EndpointRefused of the verb `set_password` when the
        device said no, anything else before it was asked.
        """
        ...

    async def prove(self, new: bool) -> None:
        """Log in once, with the new password or the old one.  Raises LoginRefused and what else goes wrong."""
        ...

    def promote(self) -> None:
        """Let the new password take the old one's place."""
        ...

    def drop(self) -> None:
        """Forget the new password."""
        ...


@runtime_checkable
class Identified(Protocol):
    """An endpoint that says which part it is."""

    async def identify(self) -> Identity:
        """Log in where needed and return who the endpoint says it is.  Raises DeviceError."""
        ...


@runtime_checkable
class Examinable(Protocol):
    """An endpoint whose settings can be read, and one by one written."""

    async def examine(self, questions: Sequence[Question]) -> Examination:
        """Return what the endpoint says to each question; what it does not say is left out.  Raises DeviceError.

        Only reads.  Slow and patient: polling goes first.
        """
        ...

    async def set_value(self, uri: str, pointer: str, value: Scalar) -> None:
        """Write one property that an examination found.  Raises DeviceError.

        An effect: recorded before it is called, and only on armed racks.
        """
        ...


@runtime_checkable
class OnLine(Protocol):
    """An endpoint whose units share a line with others, told apart by their addresses alone."""

    async def look_along(self) -> LineLook:
        """Return which of its units answer, and who answers that is nobody's.  Raises DeviceError.

        Only reads.  Slow and patient: polling goes first.
        """
        ...
