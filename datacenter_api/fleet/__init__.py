"""What the API knows of every rack, kept in memory from the bus."""
