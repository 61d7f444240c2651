"""How long tests wait: `within` says what a quiet machine needs, one with other suites on it is granted more."""

PATIENCE = 3
