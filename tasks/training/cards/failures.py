"""What a failed training died of, told from the errors of TensorFlow, JAX and PyTorch without importing them.

Asked by ``trainer``, which goes on with smaller batches where memory was short, and by ``interpreter``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.errors import is_disk_full

_MEMORY_TYPES = frozenset({"OutOfMemoryError", "ResourceExhaustedError"})
# What allocators say, also where Keras has wrapped the error in one of another type.
_MEMORY_SIGNS = re.compile(
    r"RESOURCE_EXHAUSTED"  # XLA
    r"|\bOOM when allocating"  # TensorFlow
    r"|Dst tensor is not initialized"  # TensorFlow: rows did not fit on the card
    r"|\bout of memory\b|OUT_OF_MEMORY|cudaErrorMemoryAllocation"  # CUDA
    r"|CU[A-Z]+_STATUS_ALLOC_FAILED"  # cuDNN, cuBLAS
    r"|can't allocate memory",  # PyTorch on a CPU
    re.IGNORECASE,
)
# Errors of the hardware or the driver: a program cannot cause them, and another card may be well.
_CARD_SIGNS = re.compile(
    r"CUDA_ERROR_(NO_DEVICE|DEVICE_UNAVAILABLE|ECC_UNCORRECTABLE|NVLINK_UNCORRECTABLE|CONTAINED"
    r"|LAUNCH_FAILED|HARDWARE_STACK_ERROR|SYSTEM_NOT_READY|SYSTEM_DRIVER_MISMATCH|UNKNOWN)"
    r"|cudaError(NoDevice|DevicesUnavailable|ECCUncorrectable|NvlinkUncorrectable|Contained"
    r"|LaunchFailure|HardwareStackError|SystemNotReady|SystemDriverMismatch|Unknown)\b"
    r"|no CUDA-capable device is detected"
    r"|CUDA-capable device\(s\) is/are busy or unavailable"
    r"|uncorrectable ECC error|uncorrectable NVLink error"
    r"|CUDA error: (unknown error|unspecified launch failure)"
    r"|GPU is lost|fallen off the bus|NVML_ERROR_GPU_IS_LOST",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether memory was short, on a card or on the machine, so that smaller batches may fit.

    Parameters
    ----------
    error : BaseException
        As it left Keras; what it was raised from counts too.

    Examples
    --------
    >>> is_out_of_memory(MemoryError())
    True
    >>> is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 64 bytes."))
    True
    >>> is_out_of_memory(ValueError("shapes (3, 4) and (5, 6) do not match"))
    False
    """
    return any(
        isinstance(one, MemoryError)
        or type(one).__name__ in _MEMORY_TYPES
        or bool(_MEMORY_SIGNS.search(str(one)))
        for one in _walk_causes(error)
        if not is_disk_full(one)  # TensorFlow counts a full disk among the exhausted resources
    )


def is_card_lost(error: BaseException) -> bool:
    """Say whether a card stopped answering, so that the same training may succeed on another.

    Parameters
    ----------
    error : BaseException
        As it left Keras; what it was raised from counts too.

    Examples
    --------
    >>> is_card_lost(RuntimeError("CUDA error: uncorrectable ECC error encountered"))
    True
    >>> is_card_lost(MemoryError())
    False
    """
    return any(tells_lost_card(str(one)) for one in _walk_causes(error))


def tells_lost_card(text: str) -> bool:
    """Say whether a message, or the end of a log, speaks of a card that stopped answering.

    Parameters
    ----------
    text : str
        Backends that abort the whole process leave no error, only what they wrote.
    """
    return bool(_CARD_SIGNS.search(text))


def _walk_causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__
