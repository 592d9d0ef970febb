#!/bin/sh
# tensorflow_hub 0.16.1 (the newest) cannot be imported beside setuptools 82 or later: it compares versions with
# `pkg_resources`, which setuptools no longer ships, and declares no dependency on setuptools.
# Exit status 0 while that is so; another one when it can be imported.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorflow-cpu==2.21.0 tensorflow-hub==0.16.1 tf-keras==2.21.0 setuptools==82.0.0
export TF_CPP_MIN_LOG_LEVEL=3
"$work/venv/bin/pip" list --disable-pip-version-check 2>/dev/null | grep -E "^(tensorflow|tf|setuptools)"
if "$work/venv/bin/python" -c "import tensorflow_hub" 2>"$work/error"; then
    echo "changed: tensorflow_hub is imported"
    exit 1
fi
tail -1 "$work/error"
grep -q "No module named 'pkg_resources'" "$work/error"
