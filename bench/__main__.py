"""`make bench [ONLY=a,b]`: run the benchmarks, append one JSON line per figure, show a table."""

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

import bench

RESULTS = Path(__file__).with_name("results.jsonl")
# Bars of the issue: figure -> (comparison, bound); shown beside the figure, never hidden when missed.
BARS: dict[str, tuple[str, float]] = {
    "sweep/cpu_vs_raw": ("<=", 1.8),
    "sweep/cpu_vs_dmtf": ("<=", 1 / 12),
    "metrics/ms_10_racks": ("<=", 15.0),
    "up/rss_mib": ("<=", 800.0),
    "up/rss_mib_1_rack": ("<=", 600.0),
    "up/ready_s_3_racks": ("<=", 15.0),
    "up/ready_s": ("<=", 10.0),
    "telemetry/cores_10_racks": ("<=", 0.7),
    "scale/cpu_per_rack_growth": ("<=", 1.15),
    "scale/mib_per_rack_growth": ("<=", 1.15),
    "scale/emulator_mib_10_racks": ("<=", 250.0),
    "discovery/s_36_endpoints": ("<=", 10.0),
    "discovery/s_3600_endpoints": ("<=", 120.0),
    "hundred/p99_age_s": ("<=", 20.0),
    "hundred/emulator_mib": ("<=", 900.0),
    "emulator/mib_3600_endpoints": ("<=", 900.0),
    "redfish/chassis_vs_raw": (">=", 0.3),
    "redfish/expand_ms": ("<=", 100.0),
    "sse/cores": ("<=", 0.04),
    "sse/kib_each": ("<=", 48.0),
    "sse/kib_each_plain": ("<=", 16.0),
    "sse/get_p99_ms": ("<=", 20.0),
    "events/leak_p99_ms": ("<=", 250.0),
    "leak/event_p99_ms": ("<=", 250.0),
    "leak/event_p99_ms_during_update": ("<=", 250.0),
    "leak/event_nats_down_p99_ms": ("<=", 250.0),
    "leak/event_10_racks_p99_ms": ("<=", 250.0),
    "leak/modbus_p99_ms": ("<=", 1000.0),
    "leak/polled_p99_ms": ("<=", 2000.0),
    "leak/two_tray_rack_off_ms": ("<=", 3000.0),
    "report/ms_60kb": ("<=", 6.0),
    "interlocks/ms_per_tick": ("<=", 1.0),
    "modbus/utilisation_19200": (">=", 0.9),
    "modbus/utilisation_115200": (">=", 0.9),
    "modbus/leak_seen_p99_ms": ("<=", 1000.0),
    "history/ingest_points_per_cpu_s": (">=", 2e6),
    "history/bytes_per_point": ("<=", 1.2),
    "kill/repeated_effects": ("<=", 0.0),
    "kill/lost_effects": ("<=", 0.0),
    "sim/violations": ("<=", 0.0),
    "history/day_query_ms": ("<=", 30.0),
    **{
        f"power/{scenario}_{figure}": ("<=", bound)
        for scenario in ("s1", "s2", "s3", "s4", "s6")
        for figure, bound in (("over_limit_s", 0.0), ("overshoot", 0.01))
    },
    "plant/rack_seconds_per_s": (">=", 250_000.0),
    "plant/rack_seconds_per_s_fast": (">=", 600_000.0),
    "acceptance/full_rack_virtual_s": ("<=", 60.0),
    "acceptance/planted_faults_missed": ("<=", 0.0),
    "acceptance/false_alarms_50_racks": ("<=", 0.0),
    "acceptance/fifty_racks_s": ("<=", 300.0),
    "alloc/p99_ms_100k": ("<=", 5.0),
    "alloc/violations": ("<=", 0.0),
    "passport/import_600k_rows_s": ("<=", 10.0),
    "passport/match_s": ("<=", 2.0),
    "passport/hbom_s": ("<=", 5.0),
    "evaluate/comparison_page_ms": ("<=", 1000.0),
    "evaluate/comparison_first_ms": ("<=", 1000.0),
    "power/s1_work_vs_oracle_125": (">=", 0.975),
    "power/s1_work_vs_oracle_125_errors": (">=", 0.965),
    "power/s1_work_vs_oracle_140": (">=", 0.95),
    "power/delay_p99_vs_none": ("<=", 1.1),
    "power/ride_over_limit_s": ("<=", 0.0),
    "power/ride_overshoot": ("<=", 0.01),
    "power/ride_trips": ("<=", 0.0),
    "power/pumps_lost_caps_s": ("<=", 1.0),
    "power/storage_vs_lp_hints": ("<=", 1.5),
    "power/ramp_burned_hints": ("<=", 0.02),
    "power/ramp_burned_no_hints": ("<=", 0.02),
    "power/storage_vs_lp_no_hints": ("<=", 3.0),
    "power/what_if_s_102_racks": ("<=", 5.0),
    "power/storage_vs_lp_hints_worst_case": ("<=", 1.5),
    "power/storage_vs_lp_no_hints_worst_case": ("<=", 3.0),
    "power/s3_settle_inband_s": ("<=", 1.0),
    "power/s3_settle_redfish_s": ("<=", 3.0),
    "power/live_feed_loss_settle_s": ("<=", 3.0),
    "power/live_feed_loss_inband_settle_s": ("<=", 1.0),
    "power/live_controller_gone_stands_s": ("<=", 6.0),
    "power/live_bus_gone_stands_s": ("<=", 6.0),
    "power/live_agents_killed_stands_s": ("<=", 6.0),
}


def main() -> int:
    """Run what was asked for.  Returns 1 when a bar is missed."""
    known = sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if _is_benchmark(m.name))
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", default="", help=f"comma-separated out of {', '.join(known)}")
    chosen = [name for name in parser.parse_args().only.split(",") if name] or known
    unknown = set(chosen) - set(known)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    rows: list[dict[str, object]] = []
    for name in chosen:
        Console(stderr=True).print(f"bench {name} …")
        importlib.import_module(f"bench.{name}").run(_recorder(name, rows))
    return _show(rows)


def _is_benchmark(name: str) -> bool:
    return not name.startswith("_") and hasattr(importlib.import_module(f"bench.{name}"), "run")


def _recorder(name: str, rows: list[dict[str, object]]):  # type: ignore[no-untyped-def]
    def record(
        *, figure: str, value: float, unit: str, baseline: float | None = None, ratio: float | None = None, n: int = 1
    ) -> None:
        row = {
            "bench": name,
            "figure": figure,
            "value": round(value, 6),
            "unit": unit,
            "baseline": None if baseline is None else round(baseline, 6),
            "ratio": None if ratio is None else round(ratio, 6),
            "n": n,
        }
        rows.append(row)
        with RESULTS.open("a") as out:
            out.write(json.dumps(row) + "\n")

    return record


def _show(rows: list[dict[str, object]]) -> int:
    table = Table("figure", "value", "unit", "baseline", "ratio", "n", "bar")
    missed = 0
    for row in rows:
        name = f"{row['bench']}/{row['figure']}"
        bar = BARS.get(name)
        verdict = ""
        if bar is not None:
            value = float(str(row["value"]))
            met = value >= bar[1] if bar[0] == ">=" else value <= bar[1]
            missed += not met
            verdict = f"{bar[0]} {bar[1]:.3g} {'met' if met else 'MISSED'}"
        cells = ["-" if row[k] is None else f"{row[k]:.4g}" for k in ("value", "baseline", "ratio")]
        table.add_row(name, cells[0], str(row["unit"]), cells[1], cells[2], str(row["n"]), verdict)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
