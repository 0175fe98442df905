"""The worker's allocators are set once and leave Arrow working."""

import subprocess
import sys


def test_arrow_uses_malloc_once_the_worker_has_set_it() -> None:
    """After tune_allocators Arrow takes its memory from malloc, and arrays are made as before."""
    code = (
        "from wellhead.memory import tune_allocators; import pyarrow as pa; tune_allocators(); tune_allocators();"
        "print(pa.default_memory_pool().backend_name, len(pa.array(range(1000))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["system", "1000"]


def test_huge_pages_are_switched_off() -> None:
    """On Linux the process that tuned its allocators gets no huge pages; elsewhere nothing happens."""
    code = "from wellhead.memory import tune_allocators; tune_allocators(); print(open('/proc/self/status').read())"
    if sys.platform == "linux":
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        told = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("THP_enabled:")]
    else:
        told = ["0"]
    assert told in (["0"], [])  # kernels before 5.0 do not tell


def test_nothing_is_printed_at_the_end() -> None:
    """A process that tuned its allocators with DuckDB loaded ends without a word about leaks, which a log reader would take for errors."""
    code = "import duckdb; from wellhead.memory import tune_allocators; tune_allocators(); duckdb.connect().sql('SELECT 1').fetchall()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
