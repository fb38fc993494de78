#!/usr/bin/env bash
# Stops what start-broker.sh started, by its process ids; the data stays.
#   tests/kafka/stop-broker.sh FOLDER [--kill-kafka]     --kill-kafka: only the broker, by SIGKILL, as a crash would
set -euo pipefail

if [[ $# -lt 1 ]]; then sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
readonly folder="$1"

# stop SIGNAL NAME
stop() {
    local file="$folder/$2.pid" pid deadline=$((SECONDS + 15))
    [[ -f "$file" ]] || return 0
    pid=$(cat "$file")
    kill -s "$1" "$pid" 2> /dev/null || true
    while kill -0 "$pid" 2> /dev/null; do
        if ((SECONDS > deadline)); then kill -s KILL "$pid" 2> /dev/null || true; fi
        sleep 0.05
    done
    rm -f "$file"
}

if [[ "${2:-}" == --kill-kafka ]]; then
    stop KILL kafka
else
    stop TERM kafka
    stop TERM zookeeper
fi
