"""What the container and the shell allow: cores and memory, by control groups and limits where there are any."""

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
SELF = Path("/proc/self")
DEVICES = Path("/dev")
LIBRARIES_BYTES = 400 << 20  # of address space that the libraries of this process still take: far more than of memory
LEAST_LEFT = 1 << 26
M_ARENA_MAX, ARENAS = -8, 2  # option of mallopt(3), and as many heaps of 64 MB of address space each


@cache
def cores() -> int:
    """Usable processor cores: the smaller of the affinity mask and the control group's quota, at least 1."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        usable = os.cpu_count() or 1
    return max(1, min(usable, _quota_cores() or usable))


def has_gpu() -> bool:
    """Whether the system shows a graphics card of NVIDIA or AMD that this process may use; nothing is imported.

    A driver's file says little of libraries: Keras may still see no accelerator, which `networks.device` tells.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return False
    return any(DEVICES.glob("nvidia[0-9]*")) or (DEVICES / "kfd").exists()


def memory_limit_bytes() -> int:
    """Bytes that this process may hope for: what control groups, `ulimit -v` and the system leave."""
    candidates = [value for value in (_cgroup_memory_left(), _address_space_left(), _available()) if value]
    return min(candidates) if candidates else 2 << 30


def address_limit_bytes() -> int | None:
    """Address space that each process of the run may take (`ulimit -v`), None without a limit."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def peak_memory_bytes() -> int:
    """Largest resident size of this process so far."""
    import resource

    # Linux counts in KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def limit_blas_threads() -> None:
    """One thread for NumPy's linear algebra; parallel work is done in threads of our own, over rows.

    OpenBLAS's threads wait by spinning: where another process wants the same cores, an eigendecomposition that takes
    0.03 s with one thread was seen to take 3.7 s with two. Works before NumPy is loaded (environment) and after
    (threadpoolctl, which scikit-learn brings). Where address space is limited, few heaps are made as well.
    """
    _few_heaps()
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # LightGBM's threads sleep while they wait
    if "numpy" in sys.modules:
        with suppress(ImportError):
            from threadpoolctl import threadpool_limits

            threadpool_limits(limits=1, user_api="blas")


def _few_heaps() -> None:
    """Under `ulimit -v` let all threads share ARENAS heaps; each would reserve one, and take a gigabyte together."""
    if address_limit_bytes() is None:
        return
    import ctypes

    os.environ.setdefault("MALLOC_ARENA_MAX", str(ARENAS))  # of the worker
    with suppress(OSError, AttributeError):  # another C library than that of GNU
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _groups(controller: str) -> list[Path]:
    """Folders of this process's control groups and of all groups above them, whose limits hold as well.

    Of both versions; the roots of the mounts are always among them: a container may show its own group there and yet
    tell the name that it has outside.
    """
    paths = {"": "/", controller: "/"}
    for line in _read(SELF / "cgroup").splitlines():
        _, names, path = (*line.split(":", 2), "", "")[:3]
        for name in names.split(","):
            # A process that was moved in from outside its namespace is told of as /../…: nothing of that is to be seen.
            if name in paths and ".." not in path.split("/"):
                paths[name] = path
    return [
        CGROUP / name / level.relative_to("/")
        for name, path in paths.items()
        for level in (Path("/", path), *Path("/", path).parents)
    ]


def _quota_cores() -> int | None:
    found = []
    for group in _groups("cpu"):
        quota = _read(group / "cpu.max") or f"{_read(group / 'cpu.cfs_quota_us')} {_read(group / 'cpu.cfs_period_us')}"
        parts = quota.split()
        if len(parts) == 2 and all(part.isdigit() for part in parts) and int(parts[1]):
            found.append(max(1, round(int(parts[0]) / int(parts[1]))))
    return min(found, default=None)


def _cgroup_memory_left() -> int | None:
    found = []
    for group in _groups("memory"):
        limit = _read(group / "memory.max") or _read(group / "memory.limit_in_bytes")
        used = _read(group / "memory.current") or _read(group / "memory.usage_in_bytes")
        # Version 1 of control groups writes a number beyond any memory where there is no limit.
        if limit.isdigit() and int(limit) <= 1 << 50:
            found.append(int(limit) - (int(used) if used.isdigit() else 0))
    # What counts as used includes caches of files, which the kernel gives back, so some is always left.
    return max(LEAST_LEFT, min(found)) if found else None


def _address_space_left() -> int | None:
    limit, pages = address_limit_bytes(), _read(SELF / "statm").partition(" ")[0]
    if limit is None:
        return None
    used = int(pages) * os.sysconf("SC_PAGE_SIZE") if pages.isdigit() else 0
    return max(LEAST_LEFT, limit - used - LIBRARIES_BYTES)


def _available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
