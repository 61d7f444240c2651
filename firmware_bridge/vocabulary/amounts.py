"""Amounts as they are written for people, everywhere alike: console, CLI, reports, events, refusals."""

KILO_FROM_W = 10_000
"""From here on power is written in kW, with one decimal; below it in whole W."""


def power_text(watts: float | None, unknown: str = "–") -> str:
    """Return power with its unit: `900 W`, `9999 W`, `22.9 kW`, `unknown` where it is not known."""
    if watts is None:
        return unknown
    whole = round(watts)
    return f"{whole} W" if abs(whole) < KILO_FROM_W else f"{watts / 1e3:.1f} kW"
