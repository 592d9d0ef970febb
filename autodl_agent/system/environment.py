"""The machine and the versions of what does the work."""

import os
import platform
import sys
from importlib import metadata
from typing import Any

from autodl_agent.system.resources import cores, memory_limit_bytes

PACKAGES = ("autodl-agent", "numpy", "scipy", "scikit-learn", "lightgbm", "pillow", "opencv-python-headless", "av")


def environment() -> dict[str, Any]:
    """The machine and the versions of what does the work."""
    return {
        "machine": {
            "cores": cores(),
            "memory_limit_bytes": memory_limit_bytes(),
            "system": _system(),
            "python": sys.version.split()[0],
        },
        "versions": {name: found for name in PACKAGES if (found := package_version(name))},
    }


def package_version(name: str) -> str | None:
    """Version of an installed package, None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _system() -> str:
    """What `platform.platform()` says, without the process `uname -p` that it starts on Linux."""
    if sys.platform != "linux":
        return platform.platform()
    kernel = os.uname()
    return f"{kernel.sysname}-{kernel.release}-{kernel.machine}-with-{''.join(platform.libc_ver())}"
