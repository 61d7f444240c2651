"""What may be drawn where: a rack's constraints under every single loss, and the graph that feeds the racks."""
