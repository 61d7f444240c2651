"""What racks said, kept: frames from the bus become Parquet segments, which answer questions over time."""
