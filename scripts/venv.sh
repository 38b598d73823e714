#!/bin/sh
# Makes .venv and installs what the given requirements file pins (default requirements.txt), if it is not there yet.
set -eu
cd "$(dirname "$0")/.."

requirements=${1:-requirements.txt}
stamp=.venv/.installed-$requirements

# requirements-dev.txt includes requirements.txt, and that constraints.txt.
case $requirements in
    requirements-dev.txt) sources="requirements-dev.txt requirements.txt constraints.txt" ;;
    *) sources="$requirements constraints.txt" ;;
esac
wanted=$(cat $sources | cksum)

if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

# Debian's python3 has venv, but not the ensurepip that venv needs.
find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    echo "Parley needs Python 3.11 or later with venv (Debian: apt-get install python3 python3-venv)." >&2
    return 1
}

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

echo "Installing what $requirements pins into .venv (the first time this takes a minute or more)"
rm -f .venv/.installed-*
if ! .venv/bin/python -m pip install --disable-pip-version-check --requirement "$requirements"; then
    echo "The installation failed, for the reason above; run the same command again once it is resolved." >&2
    exit 1
fi

echo "$wanted" >"$stamp"
if [ "$requirements" = requirements-dev.txt ]; then
    cat requirements.txt constraints.txt | cksum >.venv/.installed-requirements.txt
fi
