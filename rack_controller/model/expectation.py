"""What a generation and the site expect of an endpoint: settings, and what would say where it stands."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.neighbour import Neighbour
from firmware_bridge.vocabulary.settings import PlaceCheck, Question, Setting, SettingKind


@dataclass(frozen=True, slots=True)
class ExpectedPlace:
    """One place check with the number that this endpoint gives when it stands where the site says."""

    check: PlaceCheck
    expected: int
    group: str


@dataclass(frozen=True, slots=True)
class ExpectedAddresses:
    """The bus addresses that an endpoint's units have where the site says it stands, on which of the rack's lines."""

    line: str
    addresses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """Everything an endpoint is judged by."""

    settings: tuple[Setting, ...] = ()
    places: tuple[ExpectedPlace, ...] = ()
    bus: ExpectedAddresses | None = None
    neighbours: tuple[Neighbour, ...] = ()

    def questions(self) -> list[Question]:
        """Return what to ask the endpoint."""
        asked = [Question(s.name, s.read, s.kind) for s in self.settings]
        asked += [Question(f"place_{p.check.name}", p.check.read, SettingKind.PROPERTY) for p in self.places]
        return asked + [Question("place_neighbour", (), SettingKind.NEIGHBOURS)] * bool(self.neighbours)
