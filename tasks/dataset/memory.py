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


def release_free_memory() -> None:
    """Collect garbage and return free pages to the system; takes some hundredths of a second."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        name = ctypes.util.find_library("c")
        # Only the GNU C library has it, and it is the one that keeps most.
        trim = getattr(ctypes.CDLL(name), "malloc_trim", None) if name else None
        if trim is not None:
            trim(0)
