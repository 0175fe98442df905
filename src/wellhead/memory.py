"""Takes the process's allocators, sets them for a worker that handles batches for days; changes no result, only speed and size."""

from __future__ import annotations

import atexit
import ctypes
import gc
import sys

# Names of mallopt(3); Python has none for them.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# Of prctl(2).
_PR_SET_THP_DISABLE = 41
_ARENAS = 2
_OWN_MAPPING_BYTES = 32 << 20
_KEPT_BYTES = 64 << 20
_OBJECTS_PER_COLLECTION = 50_000


def tune_allocators() -> None:
    """Let Arrow use malloc, malloc keep what one batch frees for the next, and Python look for cycles less often.

    A page of JSON is tens of thousands of objects, and Python looks for cycles at every 700 of them; there are none. What stands once the
    process has started is not looked at again.

    Arrow's own allocator holds some 80 MB more for the same work. By default malloc gives large blocks back to the kernel, which
    hands them out again page by page, zeroed: that costs a twentieth of the CPU of a batch. And it gives nearly every thread a
    heap of its own, each as large as the largest batch that thread ever had: threads that take turns share two, 40 MB less. Huge
    pages are zeroed whole where a column uses a few kilobytes of one: a process that pulls logs is 45 MB smaller without them; what
    that does to its speed has not been told apart from noise. What is unknown to the C library is left as it is.
    """
    import pyarrow as pa  # noqa: PLC0415 - the caller has it anyway; who only wants the name should not

    gc.freeze()
    # What stays frozen is not freed at the end either, and DuckDB's bindings would take that for leaks and print them.
    atexit.register(gc.unfreeze)
    gc.set_threshold(_OBJECTS_PER_COLLECTION, *gc.get_threshold()[1:])
    pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if (prctl := getattr(library, "prctl", None)) is not None:
        prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)
    if (mallopt := getattr(library, "mallopt", None)) is not None:
        mallopt(_M_MMAP_THRESHOLD, _OWN_MAPPING_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_ARENA_MAX, _ARENAS)
