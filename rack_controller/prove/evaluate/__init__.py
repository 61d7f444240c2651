"""What racks are worth side by side: criteria, intervals, which differences are real, how long it takes.  Pure."""
