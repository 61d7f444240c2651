"""Power budgets: who may draw how much, so that what was granted never adds up to more than any limit."""
