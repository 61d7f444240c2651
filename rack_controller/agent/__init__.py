"""What runs on a GPU host: reads its GPUs and says it on the rack's bus.  Imports no web framework and no database."""
