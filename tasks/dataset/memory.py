"""The memory of this process: give back what is free, and measure the most that was held.

Ground module. Arrow's and the C library's allocators keep what was freed, for the next to ask; after
a step over millions of rows that is a gigabyte, which the next step's allocator may not find.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import gc
import sys
from pathlib import Path

import pyarrow as pa

# Below this it is cheaper to keep the pages for the next step than to ask for new ones.
WORTH_RELEASING_BYTES = 1024 * 1024 * 1024

_PROCESS = Path("/proc/self")


def release_free_memory() -> None:
    """Return free pages to the system, where this process holds more than :data:`WORTH_RELEASING_BYTES`."""
    import psutil

    if psutil.Process().memory_info().rss < WORTH_RELEASING_BYTES:
        return
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        name = ctypes.util.find_library("c")
        # Only the GNU C library has it, and it is the one that keeps most.
        trim = getattr(ctypes.CDLL(name), "malloc_trim", None) if name else None
        if trim is not None:
            trim(0)


def restart_peak() -> None:
    """Let :func:`measure_peak` count from now on, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        # proc_pid_clear_refs(5): 5 resets the peak resident set size of the process.
        (_PROCESS / "clear_refs").write_text("5")


def measure_peak() -> int:
    """Measure the most memory this process held since :func:`restart_peak`.

    Returns
    -------
    int
        Peak resident set size in bytes; of the whole life of the process where the system cannot
        restart it.
    """
    with contextlib.suppress(OSError):
        for line in (_PROCESS / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, kibibytes elsewhere
