"""GPUs in-band: NVML read on the host that has them, and a controller's side of what the host's agent says."""
