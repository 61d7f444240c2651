"""What racks said, kept: frames from the bus become Parquet segments, and questions over time are answered from them."""
