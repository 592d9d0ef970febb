"""What the container allows: cores and memory, read from the control group where there is one."""

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
DEVICES = Path("/dev")


@cache
def cores() -> int:
    """Usable processor cores: the smaller of the affinity mask and the control group's quota, at least 1."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        usable = os.cpu_count() or 1
    return max(1, min(usable, _quota_cores() or usable))


def has_card() -> bool:
    """Whether the system shows a graphics card of NVIDIA or AMD that this process may use; nothing is imported.

    A driver's file says little of libraries: Keras may still see no accelerator, which `networks.device` tells.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return False
    return any(DEVICES.glob("nvidia[0-9]*")) or (DEVICES / "kfd").exists()


def memory_limit_bytes() -> int:
    """Bytes that this process may hope for: the control group's limit or what the system calls available."""
    candidates = [value for value in (_cgroup_memory_left(), _available()) if value]
    return min(candidates) if candidates else 2 << 30


def peak_memory_bytes() -> int:
    """Largest resident size of this process so far."""
    import resource

    # Linux counts in KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def calm_blas() -> None:
    """One thread for NumPy's linear algebra; parallel work is done in threads of our own, over rows.

    OpenBLAS's threads wait by spinning: where another process wants the same cores, an eigendecomposition that takes
    0.03 s with one thread was seen to take 3.7 s with two. Works before NumPy is loaded (environment) and after
    (threadpoolctl, which scikit-learn brings).
    """
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # LightGBM's threads sleep while they wait
    if "numpy" in sys.modules:
        with suppress(ImportError):
            from threadpoolctl import threadpool_limits

            threadpool_limits(limits=1, user_api="blas")


def _read(name: str) -> str:
    try:
        return (CGROUP / name).read_text().strip()
    except OSError:
        return ""


def _quota_cores() -> int | None:
    parts = (_read("cpu.max") or f"{_read('cpu/cpu.cfs_quota_us')} {_read('cpu/cpu.cfs_period_us')}").split()
    if len(parts) == 2 and all(part.isdigit() for part in parts) and int(parts[1]):
        return max(1, round(int(parts[0]) / int(parts[1])))
    return None


def _cgroup_memory_left() -> int | None:
    limit = _read("memory.max") or _read("memory/memory.limit_in_bytes")
    used = _read("memory.current") or _read("memory/memory.usage_in_bytes")
    # Version 1 of control groups writes a number beyond any memory where there is no limit.
    if not limit.isdigit() or int(limit) > 1 << 50:
        return None
    # What counts as used includes caches of files, which the kernel gives back, so some is always left.
    return max(1 << 26, int(limit) - (int(used) if used.isdigit() else 0))


def _available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
