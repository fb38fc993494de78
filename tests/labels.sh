#!/usr/bin/env bash
# Runs the specs of late labels, bad records and crashes with the counts that docs/delivery.md promises (most of an hour on two cores):
#   tests/labels.sh [FILTER]      FILTER: only specs whose full name contains it, such as LabelKillSpecs
# 10,000 random schedules of features, labels, duplicates, delays and restarts against a reference model; 1,000,000 fuzzed records in each
# format; 20 kills at each named crash point; a fifth of rows and labels twice; kill -9 of the learner's node while 1,000,000 rows are
# pending, twice. Each spec prints rounds and seed (STREAMMLOPS_SEED=N repeats those that have one). Any of the counts can be set from outside.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/kafka/start-broker.sh --fetch

export STREAMMLOPS_REAL_KAFKA=1
export STREAMMLOPS_JOIN_ROUNDS="${STREAMMLOPS_JOIN_ROUNDS:-10000}"
export STREAMMLOPS_POISON_RECORDS="${STREAMMLOPS_POISON_RECORDS:-1000000}"
export STREAMMLOPS_CRASHES="${STREAMMLOPS_CRASHES:-20}"
export STREAMMLOPS_PENDING="${STREAMMLOPS_PENDING:-1000000}"

failed=0
specs() {
  dotnet build "tests/$1" -c Release -nodeReuse:false -v q -clp:NoSummary
  dotnet test "tests/$1" -c Release --no-build --logger "console;verbosity=detailed" --filter "($2)${filter:+&FullyQualifiedName~$filter}" || failed=1
}
filter="${1:-}"
specs Pipeline.Tests "FullyQualifiedName~LabelJoinSpecs|FullyQualifiedName~PoisonSpecs|FullyQualifiedName~PendingStoreSpec"
specs Actors.Tests "FullyQualifiedName~LabelTopicSpecs"
specs EndToEnd.Tests "FullyQualifiedName~LabelKillSpecs|FullyQualifiedName~AlertKillSpecs|FullyQualifiedName~PendingKillSpecs"
exit $failed
