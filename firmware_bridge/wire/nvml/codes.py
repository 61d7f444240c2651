"""What NVML's numbers mean: return codes, clock reasons, fabric health, recovery actions, field ids, struct versions.

Source: nvidia-ml-py 13.615.71 (constants and ctypes layouts).  A number that nobody defined keeps its number in words.
"""

SUCCESS = 0
UNINITIALIZED = 1
NOT_SUPPORTED = 3
NO_PERMISSION = 4
DRIVER_NOT_LOADED = 9
TIMEOUT = 10
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13
GPU_LOST = 15
RESET_REQUIRED = 16
VERSION_MISMATCH = 18
ARGUMENT_VERSION_MISMATCH = 25
UNKNOWN = 999

_REASONS = {
    UNINITIALIZED: "uninitialized",
    2: "invalid_argument",
    NOT_SUPPORTED: "not_supported",
    NO_PERMISSION: "no_permission",
    6: "not_found",
    7: "insufficient_size",
    8: "insufficient_power",
    DRIVER_NOT_LOADED: "driver_not_loaded",
    TIMEOUT: "timeout",
    11: "irq_issue",
    LIBRARY_NOT_FOUND: "library_not_found",
    FUNCTION_NOT_FOUND: "function_not_found",
    14: "corrupted_inforom",
    GPU_LOST: "gpu_lost",
    RESET_REQUIRED: "reset_required",
    17: "operating_system",
    VERSION_MISMATCH: "version_mismatch",
    19: "in_use",
    20: "memory",
    21: "no_data",
    ARGUMENT_VERSION_MISMATCH: "argument_version_mismatch",
    27: "not_ready",
    28: "gpu_not_found",
    29: "invalid_state",
    UNKNOWN: "unknown",
}

CLOCK_REASONS = (
    "idle",
    "application_clocks",
    "power_cap",
    "hw_slowdown",
    "sync_boost",
    "thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake",
    "display_clocks",
    "board_limit",
    "reliability",
)
"""The bits of the clock-event reasons, lowest first."""


FABRIC_COMPLETED = 3
_FABRIC_FLAGS = {0: "bandwidth_degraded", 2: "route_recovery", 4: "route_unhealthy", 6: "access_timeout_recovery"}
_FABRIC_CONFIGURATION = {
    2: "wrong_system_guid",
    3: "wrong_chassis_serial",
    4: "no_partition",
    5: "insufficient_nvlinks",
    6: "incompatible_gpu_firmware",
    7: "wrong_location",
    8: "gpu_state_invalid",
}
_TRUE, _FALSE = 1, 2

# Field ids of nvmlDeviceGetFieldValues.
FIELD_ECC_CORRECTED, FIELD_ECC_UNCORRECTED, FIELD_ECC_UNCORRECTED_LIFETIME = 3, 4, 6
FIELD_MEMORY_TEMPERATURE, FIELD_ENERGY, FIELD_LINK_COUNT = 82, 83, 91
FIELD_REMAPPED_CORRECTABLE, FIELD_REMAPPED_UNCORRECTABLE = 142, 143
FIELD_REMAP_PENDING, FIELD_REMAP_FAILURE = 144, 145
FIELD_LINK_REPLAYS, FIELD_LINK_RECOVERIES, FIELD_LINK_CRC = 161, 162, 163
FIELD_POWER_AVERAGE, FIELD_POWER_INSTANT, FIELD_POWER_LIMIT_SET = 185, 186, 192
FIELD_LINK_RECEIVE_ERRORS, FIELD_LINK_RECOVERY_EVENTS = 208, 215
FIELD_RECOVERY_ACTION = 230
SCOPE_GPU, SCOPE_MODULE = 0, 1

# Bits of an event set.
EVENT_XID, EVENT_GPU_UNAVAILABLE, EVENT_RECOVERY_ACTION = 0x8, 0x4000, 0x8000


def reason_of(code: int) -> str:
    """Return the word for a return code: `not_supported`, `gpu_lost`, …; `code_77` for one that nobody defined."""
    return _REASONS.get(code, f"code_{code}")


def version_word(size: int, number: int) -> int:
    """Return the first word of a versioned struct: its size in bytes and the version's number in the top byte."""
    if not 0 < size < 1 << 24 or not 0 < number < 256:
        raise ValueError(f"a versioned struct has 1-16777215 bytes and version 1-255, got {size} and {number}")
    return size | number << 24


def clock_reasons(bits: int) -> tuple[str, ...]:
    """Return why the clocks are where they are; an undefined bit is `bit_12`."""
    defined = [name for n, name in enumerate(CLOCK_REASONS) if bits >> n & 1]
    strange = [f"bit_{n}" for n in range(len(CLOCK_REASONS), bits.bit_length()) if bits >> n & 1]
    return (*defined, *strange)


def fabric_problems(mask: int) -> tuple[str, ...]:
    """Return what a fabric health mask complains of.  What the GPU does not say (0) is no complaint.

    Partition: only "not assigned" is one.  Manager: only "disconnected" is one (bits 14-15, newer drivers).
    """
    found = [name for shift, name in _FABRIC_FLAGS.items() if mask >> shift & 3 == _TRUE]
    configuration = mask >> 8 & 15
    if configuration > 1:
        found.append(_FABRIC_CONFIGURATION.get(configuration, f"misconfigured_{configuration}"))
    if mask >> 12 & 3 == _FALSE:
        found.append("partition_not_assigned")
    if mask >> 14 & 3 == _FALSE:
        found.append("fabric_manager_disconnected")
    return tuple(found)
