"""What a training died of is told from the backends' own errors, which are not imported for it."""

from __future__ import annotations

import errno
from collections.abc import Callable

import numpy as np
import pytest

from tasks.training.cards.failures import is_card_lost, is_out_of_memory


def make_error(name: str, text: str, base: type[Exception] = Exception) -> Exception:
    """An error as a backend raises it: known by its class's name and its text."""
    return type(name, (base,), {})(text)


MEMORY = [
    # TensorFlow
    make_error(
        "ResourceExhaustedError",
        "Graph execution error: OOM when allocating tensor with shape[8192,8192] and type float",
    ),
    make_error(
        "InternalError",
        "Failed copying input tensor from CPU:0 to GPU:0: Dst tensor is not initialized.",
    ),
    # JAX
    make_error(
        "XlaRuntimeError",
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 137438953472 bytes.",
        RuntimeError,
    ),
    make_error("JaxRuntimeError", "INTERNAL: Failed to allocate: CUDA_ERROR_OUT_OF_MEMORY"),
    # PyTorch
    make_error(
        "OutOfMemoryError", "CUDA out of memory. Tried to allocate 20.00 GiB.", RuntimeError
    ),
    RuntimeError(
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    ),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    # NumPy and Python
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((1 << 40,), np.dtype("float64")),
]
LOST = [
    make_error("InternalError", "Could not synchronize CUDA stream: CUDA_ERROR_LAUNCH_FAILED"),
    make_error(
        "XlaRuntimeError", "INTERNAL: CUDA_ERROR_ECC_UNCORRECTABLE: uncorrectable ECC error"
    ),
    RuntimeError("CUDA error: uncorrectable ECC error encountered"),
    RuntimeError("CUDA error: unspecified launch failure"),
    RuntimeError("No CUDA GPUs are available: no CUDA-capable device is detected"),
    RuntimeError("Unable to determine the device handle for GPU: GPU is lost. Reboot the system"),
]
OTHER = [
    ValueError("shapes (3, 4) and (5, 6) do not match"),
    make_error("InvalidArgumentError", "Incompatible shapes: [32,10] vs. [32,3]"),
    RuntimeError("CUDA error: device-side assert triggered"),
    OSError(errno.ENOSPC, "No space left on device"),
    make_error("ResourceExhaustedError", "events.out; No space left on device"),
]


@pytest.mark.parametrize("error", MEMORY, ids=lambda e: type(e).__name__)
def test_short_memory_is_told(error: Exception) -> None:
    """On a card or on the machine; no card was lost with it."""
    assert is_out_of_memory(error)
    assert not is_card_lost(error)


@pytest.mark.parametrize("error", LOST, ids=str)
def test_a_lost_card_is_told(error: Exception) -> None:
    """Smaller batches would not bring it back."""
    assert is_card_lost(error)
    assert not is_out_of_memory(error)


@pytest.mark.parametrize("error", OTHER, ids=str)
def test_other_errors_are_neither(error: Exception) -> None:
    """A mistake in the program or a full disk is not tried again with smaller batches."""
    assert not is_out_of_memory(error)
    assert not is_card_lost(error)


@pytest.mark.parametrize(
    ("error", "tell"), [(MEMORY[0], is_out_of_memory), (LOST[0], is_card_lost)]
)
def test_what_an_error_was_raised_from_counts(
    error: Exception, tell: Callable[[BaseException], bool]
) -> None:
    """Keras and the trainer wrap what a backend raised."""
    with pytest.raises(RuntimeError) as wrapped:
        raise RuntimeError("Exception encountered when calling Dense.call()") from error
    assert tell(wrapped.value)


def test_the_real_error_of_this_machine_is_told() -> None:
    """Keras on the installed backend, asked for more memory than any machine has."""
    import keras

    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one differs from backend to backend
        keras.ops.ones((1 << 24, 1 << 24))
    assert is_out_of_memory(raised.value)
