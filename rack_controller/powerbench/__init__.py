"""PowerBench: how well a power controller keeps a limit and how much work it leaves, on the plant, in virtual time."""
