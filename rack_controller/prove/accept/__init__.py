"""Acceptance plans and what judges their evidence.  Pure: readings, records and a plan in, verdicts out."""
