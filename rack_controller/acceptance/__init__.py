"""Acceptance runs: a plan is driven on a rig step by step, what it shows is judged, kept and sealed."""
