#!/bin/sh
# Build or refresh .venv from requirements/dev.txt. Called by every `make` target; does nothing when nothing changed.
# POSIX sh, relative paths only, no root needed, no pip configuration expected or written.
set -eu
cd "$(dirname "$0")/.."

lock=requirements/dev.txt
log=.venv/setup.log
# 3.11 is the oldest we test; 3.15 is too new for some compiled packages and pip would try to build them.
suits='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'

find_python() {
    for name in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c "$suits" >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
    echo "Perennial needs Python 3.11 to 3.14 with its venv module, and found none on PATH." >&2
    echo "  Debian, Ubuntu: apt install python3 python3-venv     Fedora: dnf install python3" >&2
    echo "  macOS: brew install python@3.13                      or name one: make PYTHON=/path/to/python3 ..." >&2
    return 1
}

# pip's own output goes to a log; what is shown is one line that moves (or one line in ten, where it is not a terminal).
progress() {
    if [ -t 1 ]; then tty=1; else tty=0; fi
    awk -v total="$(grep -c '^[A-Za-z0-9]' $lock)" -v tty="$tty" '
        /^(Collecting|Processing) / { n++; if (tty) printf "\r  collecting %d of about %d: %-40.40s", n, total, $2
                                      else if (n % 10 == 0) printf "  collected %d of about %d packages\n", n, total
                                      fflush() }
        /^Installing collected /    { if (tty) printf "\r%-70s\r", ""; print "  unpacking"; fflush() }'
}

install() {
    code=.venv/setup.code
    {
        set +e
        PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --no-input --no-compile \
            --require-hashes -r $lock 2>&1
        echo $? >$code
    } | tee $log | progress
    if [ "$(cat $code)" != 0 ]; then
        echo "Setting up failed. The end of $log:" >&2
        tail -n 15 $log >&2
        return 1
    fi
    echo "  compiling"  # on every core, which pip would do on one; a package may carry files for other Pythons
    .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
}

sum=$(cksum <$lock)
if [ "$(cat .venv/.lock-sum 2>/dev/null)" = "$sum" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi
if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    echo "Setting up .venv with $("$python" --version 2>&1) (once; about a minute)"
    "$python" -m venv --clear .venv
else
    echo "requirements/dev.txt has changed: bringing .venv up to date"
fi
install
echo "$sum" >.venv/.lock-sum
echo "  ready"
