"""Give memory that is free back to the system, so that steps of one process do not add up.

Ground module. Arrow's and the C library's allocators keep what was freed, for the next to ask; after
a step over millions of rows that is a gigabyte, which the next step's allocator may not find.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import sys

import pyarrow as pa

# Below this it is cheaper to keep the pages for the next step than to ask for new ones.
WORTH_RELEASING_BYTES = 1024 * 1024 * 1024


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
