"""NVML's numbers in words."""

import json
from pathlib import Path

import pytest

from firmware_bridge.vocabulary.quantities import CODES, Quantity
from firmware_bridge.wire.nvml import codes
from firmware_bridge.wire.nvml.plan import ALARM_BITS, FAST, SLOW, alarm_word, series_of_gpu

CONSTANTS = Path(__file__).parents[5] / "shared" / "data" / "nvml" / "constants.json"


def test_struct_versions_are_sizes_with_a_number_on_top() -> None:
    assert codes.version_word(40, 2) == 0x02000028
    assert codes.version_word(104, 1) == 0x01000068
    with pytest.raises(ValueError, match="versioned"):
        codes.version_word(0, 1)


@pytest.mark.parametrize(
    ("mask", "problems"),
    [
        (0, ()),
        (0x01AA, ()),  # every flag false, configured
        (0x51AA, ()),  # … assigned, manager connected
        (0x0001, ("bandwidth_degraded",)),
        (0x0010, ("route_unhealthy",)),
        (0x0300, ("wrong_chassis_serial",)),
        (0x2000, ("partition_not_assigned",)),
        (0x8000, ("fabric_manager_disconnected",)),
        (0x0F00, ("misconfigured_15",)),
        (0x0055, ("bandwidth_degraded", "route_recovery", "route_unhealthy", "access_timeout_recovery")),
    ],
)
def test_a_fabric_health_mask_names_its_complaints(mask: int, problems: tuple[str, ...]) -> None:
    assert codes.fabric_problems(mask) == problems


def test_clock_reasons_name_each_bit_and_keep_unknown_ones() -> None:
    assert codes.clock_reasons(0x44) == ("power_cap", "hw_thermal_slowdown")
    assert codes.clock_reasons(1 << 13) == ("bit_13",)


def test_an_alarm_word_holds_slowdowns_memory_and_fabric() -> None:
    word = alarm_word(0x40, {"row_remap_failed": True, "row_remap_pending": False}, ("no_partition", "route_recovery"))
    named = {name for n, name in enumerate(ALARM_BITS) if word >> n & 1}
    assert named == {"hw_thermal_slowdown", "row_remap_failed", "fabric_misconfigured", "~fabric_recovering"}
    assert alarm_word(0x4, {}, ()) == 0, "a power cap is no alarm"


def test_a_gpu_has_one_series_per_quantity_and_not_many() -> None:
    from firmware_bridge.vocabulary.place import Place

    series = series_of_gpu(Place("s/a/r/k/u11/gpu0"), "nvml gpu0")
    assert len({s.quantity for s in series}) == len(series) == len(FAST) + len(SLOW) <= 25


def test_the_numbers_are_those_of_the_library() -> None:
    if not CONSTANTS.exists():
        pytest.skip("shared/data is not here")
    library = json.loads(CONSTANTS.read_text())["constants"]
    named = {
        "FIELD_POWER_AVERAGE": "NVML_FI_DEV_POWER_AVERAGE",
        "FIELD_POWER_INSTANT": "NVML_FI_DEV_POWER_INSTANT",
        "FIELD_POWER_LIMIT_SET": "NVML_FI_DEV_POWER_REQUESTED_LIMIT",
        "FIELD_MEMORY_TEMPERATURE": "NVML_FI_DEV_MEMORY_TEMP",
        "FIELD_ENERGY": "NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "FIELD_ECC_CORRECTED": "NVML_FI_DEV_ECC_SBE_VOL_TOTAL",
        "FIELD_ECC_UNCORRECTED": "NVML_FI_DEV_ECC_DBE_VOL_TOTAL",
        "FIELD_ECC_UNCORRECTED_LIFETIME": "NVML_FI_DEV_ECC_DBE_AGG_TOTAL",
        "FIELD_REMAP_PENDING": "NVML_FI_DEV_REMAPPED_PENDING",
        "FIELD_REMAP_FAILURE": "NVML_FI_DEV_REMAPPED_FAILURE",
        "FIELD_LINK_REPLAYS": "NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY",
        "FIELD_LINK_RECOVERIES": "NVML_FI_DEV_NVLINK_ERROR_DL_RECOVERY",
        "FIELD_LINK_CRC": "NVML_FI_DEV_NVLINK_ERROR_DL_CRC",
        "FIELD_LINK_RECEIVE_ERRORS": "NVML_FI_DEV_NVLINK_COUNT_RCV_ERRORS",
        "FIELD_LINK_RECOVERY_EVENTS": "NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_EVENTS",
        "FIELD_RECOVERY_ACTION": "NVML_FI_DEV_GET_GPU_RECOVERY_ACTION",
        "SCOPE_MODULE": "NVML_POWER_SCOPE_MODULE",
        "EVENT_XID": "nvmlEventTypeXidCriticalError",
        "EVENT_GPU_UNAVAILABLE": "nvmlEventTypeGpuUnavailableError",
        "EVENT_RECOVERY_ACTION": "nvmlEventTypeGpuRecoveryAction",
    }
    assert {name: getattr(codes, name) for name in named} == {name: library[theirs] for name, theirs in named.items()}
    for code, reason in ((15, "GPU_IS_LOST"), (16, "RESET_REQUIRED"), (13, "FUNCTION_NOT_FOUND"), (999, "UNKNOWN")):
        assert library[f"NVML_ERROR_{reason}"] == code
        assert codes.reason_of(code) == reason.lower().replace("_is_", "_")
    actions = CODES[Quantity.RECOVERY_ACTION]
    assert {library[f"NVML_GPU_RECOVERY_ACTION_{name.upper()}"]: name for name in actions.values()} == dict(actions)
