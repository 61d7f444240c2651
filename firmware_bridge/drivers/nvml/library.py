"""The one module that imports pynvml: each call returns plain numbers or raises NvmlFailure with its reason.

Blocking, every one of them: `lane.py` runs them in threads and gives each its deadline.  Nothing is decided here.
"""

import contextlib
import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pynvml

from firmware_bridge.wire.nvml.codes import (
    ARGUMENT_VERSION_MISMATCH,
    FUNCTION_NOT_FOUND,
    LIBRARY_NOT_FOUND,
    SUCCESS,
    UNKNOWN,
    reason_of,
    version_word,
)

T = TypeVar("T")
Handle = Any
_TEXT = 96
_SRAM_VERSION = version_word(ctypes.sizeof(pynvml.c_nvmlEccSramErrorStatus_v1_t), 1)
_DOUBLE = 0


class NvmlFailure(Exception):
    """One call failed: `code` is NVML's return code, `reason` the word for it."""

    def __init__(self, code: int, call: str = "") -> None:
        super().__init__(f"{call}: {reason_of(code)}" if call else reason_of(code))
        self.code, self.reason = code, reason_of(code)


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One value of a batch: `stamp_us` is the sensor's own time (CPU clock, microseconds), 0 where it has none."""

    value: float | int
    stamp_us: int


@dataclass(frozen=True, slots=True)
class FabricInfo:
    """A GPU's place in the NVLink fabric; `health` is the mask, 0 where the driver has none."""

    state: int
    status: int
    clique: int
    cluster: str
    health: int


@dataclass(frozen=True, slots=True)
class LibraryEvent:
    """What an event set gave: the device's handle as a number, the event's type bit and its data."""

    device: int
    kind: int
    data: int


def open_library() -> tuple[str, str]:
    """Load and initialise; return driver and NVML version.  Raises NvmlFailure, `library_not_found` first of all.

    May be called again after a failure: nothing of it stays.
    """
    with _failing("nvmlInit"):
        pynvml.nvmlInit()
    with _failing("nvmlSystemGetDriverVersion"):
        return _text(pynvml.nvmlSystemGetDriverVersion()), _text(pynvml.nvmlSystemGetNVMLVersion())


def close_library() -> None:
    """Shut NVML down.  Never raises: a driver that is gone cannot be told."""
    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlShutdown()


def count_gpus() -> int:
    """Return how many GPUs the driver shows."""
    return int(_called("nvmlDeviceGetCount"))


def handle_of(index: int) -> Handle:
    """Return the handle of a GPU by NVML's index."""
    return _called("nvmlDeviceGetHandleByIndex", index)


def address_of(handle: Handle) -> int:
    """Return a handle as the number that an event carries."""
    return int(ctypes.cast(handle, ctypes.c_void_p).value or 0)


def identity_of(handle: Handle) -> dict[str, str]:
    """Return uuid, serial, bus_id and name as far as the driver gives each."""
    calls: dict[str, Callable[[], Any]] = {
        "uuid": lambda: _called("nvmlDeviceGetUUID", handle),
        "serial": lambda: _called("nvmlDeviceGetSerial", handle),
        "bus_id": lambda: _called("nvmlDeviceGetPciInfo", handle).busId,
        "name": lambda: _called("nvmlDeviceGetName", handle),
    }
    found = {}
    for name, call in calls.items():
        with contextlib.suppress(NvmlFailure):
            found[name] = _text(call())
    return found


def read_fields(handle: Handle, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], FieldReading | NvmlFailure]:
    """Read (field, scope) pairs in one call, each with its own outcome.  Raises NvmlFailure when the call fails."""
    values = _called("nvmlDeviceGetFieldValues", handle, list(wanted))
    return {key: _field(value, key) for key, value in zip(wanted, values, strict=True)}


def read_temperature(handle: Handle) -> int:
    """Return the GPU's own temperature in °C, by the older call where the driver lacks the newer one."""
    try:
        return int(_called("nvmlDeviceGetTemperatureV", handle, pynvml.NVML_TEMPERATURE_GPU))
    except NvmlFailure as err:
        if err.code not in (FUNCTION_NOT_FOUND, ARGUMENT_VERSION_MISMATCH):
            raise
    return int(_called("nvmlDeviceGetTemperature", handle, pynvml.NVML_TEMPERATURE_GPU))


def read_margin(handle: Handle) -> int:
    """Return how many kelvins are left to the first slowdown."""
    return int(_called("nvmlDeviceGetMarginTemperature", handle))


def read_clock(handle: Handle) -> int:
    """Return the clock of the streaming multiprocessors in MHz."""
    return int(_called("nvmlDeviceGetClockInfo", handle, pynvml.NVML_CLOCK_SM))


def read_clock_reasons(handle: Handle) -> int:
    """Return the clock-event bits."""
    try:
        return int(_called("nvmlDeviceGetCurrentClocksEventReasons", handle))
    except NvmlFailure as err:
        if err.code != FUNCTION_NOT_FOUND:
            raise
    return int(_called("nvmlDeviceGetCurrentClocksThrottleReasons", handle))


def read_utilization(handle: Handle) -> int:
    """Return how much of the last sampling period some kernel ran, in %."""
    return int(_called("nvmlDeviceGetUtilizationRates", handle).gpu)


def read_enforced_limit(handle: Handle) -> int:
    """Return the power limit that the firmware keeps now, in mW."""
    return int(_called("nvmlDeviceGetEnforcedPowerLimit", handle))


def read_limit(handle: Handle) -> int:
    """Return the power limit that was set in band, or the default while none was, in mW."""
    return int(_called("nvmlDeviceGetPowerManagementLimit", handle))


def set_limit(handle: Handle, milliwatts: int) -> None:
    """Set the power limit.  Lost when the driver is unloaded.  Raises NvmlFailure, `no_permission` without root."""
    _called("nvmlDeviceSetPowerManagementLimit", handle, milliwatts)


def read_limit_range(handle: Handle) -> dict[str, int]:
    """Return default, min and max of the power limit in mW."""
    least, most = _called("nvmlDeviceGetPowerManagementLimitConstraints", handle)
    return {
        "default": int(_called("nvmlDeviceGetPowerManagementDefaultLimit", handle)),
        "min": int(least),
        "max": int(most),
    }


def read_sram_exceeded(handle: Handle) -> bool:
    """Tell whether the count of uncorrected SRAM errors is over the threshold at which a GPU is to be replaced."""
    status = pynvml.c_nvmlEccSramErrorStatus_v1_t()
    status.version = _SRAM_VERSION
    _called("nvmlDeviceGetSramEccErrorStatus", handle, ctypes.byref(status))
    return bool(status.bThresholdExceeded)


def read_fabric(handle: Handle) -> FabricInfo:
    """Return the fabric's view of the GPU, by version 3 of the struct, or 2 where the driver is older."""
    info = pynvml.c_nvmlGpuFabricInfo_v3_t()
    try:
        _called("nvmlDeviceGetGpuFabricInfoV", handle, ctypes.byref(info))
    except NvmlFailure as err:
        if err.code not in (ARGUMENT_VERSION_MISMATCH, 2):
            raise
        info = pynvml.c_nvmlGpuFabricInfo_v2_t()
        _called("nvmlDeviceGetGpuFabricInfoV", handle, ctypes.byref(info))
    return FabricInfo(
        int(info.state), int(info.status), int(info.cliqueId), bytes(info.clusterUuid).hex(), info.healthMask
    )


def read_link_up(handle: Handle, link: int) -> bool:
    """Tell whether an NVLink is active.  Raises NvmlFailure, also beyond the last link."""
    return bool(_called("nvmlDeviceGetNvLinkState", handle, link))


class EventSet:
    """An event set over several GPUs.  Used by one thread, closed by it."""

    def __init__(self) -> None:
        self._set = _called("nvmlEventSetCreate")

    def register(self, handle: Handle, wanted: int) -> None:
        """Ask for those of the `wanted` event types that the GPU has.  Raises NvmlFailure."""
        supported = int(_called("nvmlDeviceGetSupportedEventTypes", handle))
        if wanted & supported:
            _called("nvmlDeviceRegisterEvents", handle, wanted & supported, self._set)

    def wait(self, milliseconds: int) -> LibraryEvent:
        """Return the next event.  Raises NvmlFailure, `timeout` when there was none."""
        data = _called("nvmlEventSetWait_v2", self._set, milliseconds)
        return LibraryEvent(address_of(data.device), int(data.eventType), int(data.eventData))

    def close(self) -> None:
        """Free the set.  Never raises."""
        with contextlib.suppress(NvmlFailure):
            _called("nvmlEventSetFree", self._set)


def _called(name: str, *arguments: Any) -> Any:
    call: Callable[..., Any] | None = getattr(pynvml, name, None)
    if call is None:
        raise NvmlFailure(FUNCTION_NOT_FOUND, name)
    with _failing(name):
        return call(*arguments)


@contextlib.contextmanager
def _failing(call: str) -> Iterator[None]:
    try:
        yield
    except pynvml.NVMLError as err:
        raise NvmlFailure(int(getattr(err, "value", UNKNOWN)), call) from err
    except OSError as err:
        raise NvmlFailure(LIBRARY_NOT_FOUND, call) from err


def _field(value: Any, key: tuple[int, int]) -> FieldReading | NvmlFailure:
    if value.nvmlReturn != SUCCESS:
        return NvmlFailure(int(value.nvmlReturn), f"field {key[0]}")
    if value.valueType == _DOUBLE:
        return FieldReading(float(value.value.dVal), int(value.timestamp))
    members = {1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal", 6: "usVal"}
    member = members.get(int(value.valueType))
    if member is None:
        return NvmlFailure(UNKNOWN, f"field {key[0]} of type {value.valueType}")
    return FieldReading(int(getattr(value.value, member)), int(value.timestamp))


def _text(value: Any) -> str:
    said = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(c for c in said if c.isprintable())[:_TEXT]
