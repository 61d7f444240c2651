"""An endpoint whose own data is wrong (a register map that cannot be true): it never answers and says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmware_bridge.vocabulary.errors import ConfigurationError, DeviceError
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.reading import Reading, Series


@dataclass(frozen=True, slots=True)
class UnfitSource:
    """A TelemetrySource that only has an error, so that one wrong file costs one endpoint and not the rack."""

    endpoint: Place
    reason: ConfigurationError

    @property
    def faults(self) -> Mapping[str, DeviceError]:
        """Return the one fault."""
        return {"configuration": self._error("configure")}

    async def discover(self) -> Sequence[Series]:
        """Raise what is wrong with the endpoint's data."""
        raise self._error("configure")

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        """Raise what is wrong with the endpoint's data."""
        raise self._error(f"read {reading_class}")

    async def report(self) -> EndpointReport:
        """Raise what is wrong with the endpoint's data."""
        raise self._error("report")

    async def close(self) -> None:
        """Nothing is open."""

    def _error(self, verb: str) -> DeviceError:
        return DeviceError(self.endpoint, verb, self.reason.what, advice=self.reason.advice)
