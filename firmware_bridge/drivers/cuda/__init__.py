"""GPUs of this machine through NVIDIA's driver API (libcuda), for work whose result is known."""
