"""Evaluations as people ask for them: what is kept, racks side by side, what it takes to decide."""
