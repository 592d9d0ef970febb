#!/bin/sh
# librosa 0.11.0 under NUMBA_DISABLE_JIT=1, numba's documented switch: with an empty cache of numba nearly all of it
# cannot be imported, and the lazy loader reports "cannot import name"; with a cache that another process filled it works.
# Exit status 0 while that is so; another one when the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    librosa==0.11.0 numba==0.68.1 llvmlite==0.50.0 numpy==2.4.6 setuptools==82.0.0
python="$work/venv/bin/python"
"$work/venv/bin/pip" list --disable-pip-version-check 2>/dev/null | grep -E "^(librosa|numba|llvmlite|numpy) "
cat > "$work/use.py" <<'PY'
import time

began = time.perf_counter()
import numpy as np
from librosa import resample

print(len(resample(np.zeros(8000, "float32"), orig_sr=8000, target_sr=16000)), f"{time.perf_counter() - began:.1f} s")
PY
export NUMBA_CACHE_DIR="$work/cache"
echo "empty cache, NUMBA_DISABLE_JIT=1:"
if NUMBA_DISABLE_JIT=1 "$python" "$work/use.py" 2>"$work/error"; then
    echo "changed: it is imported"
    exit 1
fi
tail -1 "$work/error"
grep -q "cannot import name 'resample'" "$work/error"
echo "empty cache, compiled:"
"$python" "$work/use.py"
echo "full cache, NUMBA_DISABLE_JIT=1:"
NUMBA_DISABLE_JIT=1 "$python" "$work/use.py"
