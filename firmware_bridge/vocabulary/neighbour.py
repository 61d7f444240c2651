"""Where an endpoint's management cable is plugged in: as the site says, and as the endpoint hears it over LLDP."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The other end of an endpoint's management cable, by the site file: a switch and one of its ports.

    `system` is any name the switch gives of itself over LLDP (IEEE 802.1AB): its name, chassis id, or address.
    """

    system: str
    port: str

    def __str__(self) -> str:
        return f"{self.system} {self.port}"


@dataclass(frozen=True, slots=True)
class SeenNeighbour:
    """What an endpoint hears over LLDP at its port `at`: every name that the other end gives of itself and its port.

    The first of each is what people call it.
    """

    at: str
    systems: tuple[str, ...]
    ports: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((*self.systems[:1], *self.ports[:1]))
