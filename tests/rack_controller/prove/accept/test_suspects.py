"""Suspects: what points at one part from several sides comes before its consequences."""

from rack_controller.prove.accept.suspects import suspects
from rack_controller.prove.accept.verdict import Finding

TRAY = {"u37/gpu": 4}


def finding(measure: str, place: str, confidence: float = 0.99) -> Finding:
    return Finding(measure, place, f"S-{place}", f"{place} {measure}", 1.0, 0.0, "1", "a test", confidence)


def test_a_blocked_tray_comes_before_its_hot_gpus() -> None:
    hot = [finding("sweep_full_gpu_temperature", f"u37/gpu{n}") for n in range(4)]
    found = suspects([finding("tray_flow", "u37"), finding("heat_ratio", "u37"), *hot], TRAY)
    assert [s.place for s in found] == ["u37"]
    assert found[0].measures == ["heat_ratio", "sweep_full_gpu_temperature", "tray_flow"]
    assert found[0].serial == "S-u37"


def test_a_measure_made_for_it_counts_more_than_sweeps() -> None:
    found = suspects(
        [finding("sweep_a", "u11/gpu0"), finding("sweep_b", "u11/gpu0"), finding("interface", "u12/gpu1")], TRAY
    )
    assert [s.place for s in found] == ["u12/gpu1", "u11/gpu0"]


def test_one_gpu_is_no_tray() -> None:
    assert [s.place for s in suspects([finding("interface", "u37/gpu1")], TRAY)] == ["u37/gpu1"]
