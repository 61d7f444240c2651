"""Serial consoles above the bus: live bytes to many watchers, one writer's keys down, and the log searched."""
