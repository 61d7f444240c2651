"""Evaluations of racks: the same plan on all of them, sheets of what was measured, kept under a seal."""
