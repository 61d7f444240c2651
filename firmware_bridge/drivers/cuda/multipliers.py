"""This machine's GPUs through libcuda: a kernel is loaded once, matrices stay on the GPU, results come back."""

import ctypes
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firmware_bridge.ports.work import WorkingGpu
from firmware_bridge.vocabulary.errors import DeviceError, EnvironmentUnfit
from firmware_bridge.wire.known_product import Words, matrices

LIBRARY = "libcuda.so.1"
KERNEL, BLOCK = b"product", 16
_NAME_BYTES = 128


class CudaMultipliers:
    """Every GPU that the driver shows; a GPU is one thread's at a time, several GPUs may work at once."""

    def __init__(self, library: Any = None) -> None:
        """Load the driver's library.  Raises EnvironmentUnfit on a machine without one, or without a GPU."""
        self._cuda = library or _library()
        self._contexts: dict[int, tuple[ctypes.c_void_p, ctypes.c_void_p]] = {}
        try:
            self._call("cuInit", 0)
            count = ctypes.c_int()
            self._call("cuDeviceGetCount", ctypes.byref(count))
        except DeviceError as err:
            raise EnvironmentUnfit(f"the GPU driver does not work: {err.what}", advice="see `nvidia-smi`") from err
        if count.value < 1:
            raise EnvironmentUnfit("this machine has no GPU", advice="run the stress on a host of the rack")
        self._count = count.value

    def gpus(self) -> Sequence[WorkingGpu]:
        """Return every GPU with its name."""
        found = []
        for number in range(self._count):
            name = ctypes.create_string_buffer(_NAME_BYTES)
            self._call("cuDeviceGetName", name, _NAME_BYTES, self._device(number))
            found.append(WorkingGpu(number, "", name.value.decode("ascii", "replace")))
        return found

    def multiply(self, gpu: WorkingGpu, seed: int, size: int, times: int) -> tuple[Words, float]:
        """Multiply on one GPU.  `size` is a multiple of 16.  Raises DeviceError with the driver's error."""
        if size % BLOCK:
            raise ValueError(f"size {size} is no multiple of {BLOCK}")
        context, kernel = self._ready(gpu.number)
        self._call("cuCtxSetCurrent", context)
        a, b = (np.ascontiguousarray(m) for m in matrices(seed, size))
        result = np.zeros((size, size), dtype=np.uint32)
        buffers = [self._upload(m) for m in (a, b, result)]
        try:
            seconds = self._launch(kernel, buffers, size, times)
            self._call("cuMemcpyDtoH_v2", _address(result), buffers[2], ctypes.c_size_t(result.nbytes))
        finally:
            for buffer in buffers:
                self._call("cuMemFree_v2", buffer)
        return result, seconds

    def close(self) -> None:
        """Give every GPU's context back."""
        for number in list(self._contexts):
            del self._contexts[number]
            self._call("cuDevicePrimaryCtxRelease_v2", self._device(number))

    def _launch(self, kernel: ctypes.c_void_p, buffers: list[ctypes.c_uint64], size: int, times: int) -> float:
        words = ctypes.c_uint32(size)
        held = [*buffers, words]
        given = (ctypes.c_void_p * len(held))(*(ctypes.cast(ctypes.pointer(h), ctypes.c_void_p) for h in held))
        grid = size // BLOCK
        began = time.perf_counter()
        for _ in range(times):
            self._call("cuLaunchKernel", kernel, grid, grid, 1, BLOCK, BLOCK, 1, 0, None, given, None)
        self._call("cuCtxSynchronize")
        return time.perf_counter() - began

    def _ready(self, number: int) -> tuple[ctypes.c_void_p, ctypes.c_void_p]:
        if number not in self._contexts:
            context, module, kernel = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
            self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self._device(number))
            self._call("cuCtxSetCurrent", context)
            source = Path(__file__).with_name("product.ptx").read_bytes() + b"\0"
            self._call("cuModuleLoadData", ctypes.byref(module), source)
            self._call("cuModuleGetFunction", ctypes.byref(kernel), module, KERNEL)
            self._contexts[number] = context, kernel
        return self._contexts[number]

    def _upload(self, matrix: Words) -> ctypes.c_uint64:
        buffer = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(buffer), ctypes.c_size_t(matrix.nbytes))
        self._call("cuMemcpyHtoD_v2", buffer, _address(matrix), ctypes.c_size_t(matrix.nbytes))
        return buffer

    def _device(self, number: int) -> ctypes.c_int:
        device = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(device), number)
        return device

    def _call(self, name: str, *arguments: Any) -> None:
        code = int(getattr(self._cuda, name)(*arguments))
        if code:
            raise DeviceError("this host's GPUs", name, f"CUDA error {code}")


def _library() -> Any:
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError as err:
        raise EnvironmentUnfit(
            f"this machine has no GPU driver ({LIBRARY} cannot be loaded)", advice="run it on a host of the rack"
        ) from err


def _address(matrix: Words) -> ctypes.c_void_p:
    return ctypes.c_void_p(matrix.ctypes.data)
