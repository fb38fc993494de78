#!/usr/bin/env bash
# Runs the cluster's specs for as long and as often as docs/cluster.md promises (an hour or two on two cores):
#   tests/chaos.sh [FILTER]      FILTER: only specs whose name contains it, such as A_rolling_restart
# Three nodes as processes, a real broker and PostgreSQL: kill -9 of the learner's node x20, of a scoring node x20, of all nodes x5;
# broker restarted x20; broker and database away for 60 s; 30 rebalances; 5 rolling restarts; 5 partitions of the network (root only). Each spec prints its seed (STREAMMLOPS_SEED=N repeats it) and
# what it measured. Any of the counts below can be set from outside.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/kafka/start-broker.sh --fetch

export STREAMMLOPS_REAL_KAFKA=1 STREAMMLOPS_CHAOS=1
export STREAMMLOPS_LEARNER_KILLS="${STREAMMLOPS_LEARNER_KILLS:-20}"
export STREAMMLOPS_SCORER_KILLS="${STREAMMLOPS_SCORER_KILLS:-20}"
export STREAMMLOPS_CLUSTER_KILLS="${STREAMMLOPS_CLUSTER_KILLS:-5}"
export STREAMMLOPS_BOUNCES="${STREAMMLOPS_BOUNCES:-20}"
export STREAMMLOPS_OUTAGE_SECONDS="${STREAMMLOPS_OUTAGE_SECONDS:-60}"
export STREAMMLOPS_REBALANCES="${STREAMMLOPS_REBALANCES:-30}"
export STREAMMLOPS_RESTARTS="${STREAMMLOPS_RESTARTS:-5}"
export STREAMMLOPS_PARTITIONS="${STREAMMLOPS_PARTITIONS:-5}"
export STREAMMLOPS_PARTITION_SECONDS="${STREAMMLOPS_PARTITION_SECONDS:-30}"

dotnet build tests/EndToEnd.Tests -c Release
dotnet test tests/EndToEnd.Tests -c Release --no-build --logger "console;verbosity=detailed" \
    --filter "FullyQualifiedName~EndToEnd.Tests&(FullyQualifiedName~NodeKillSpecs|FullyQualifiedName~OutageSpecs|FullyQualifiedName~MembershipSpecs|FullyQualifiedName~FencingSpecs|FullyQualifiedName~PartitionSpecs)${1:+&FullyQualifiedName~$1}"
