#!/bin/sh
# What docker-compose.yml promises, seen on this machine in five minutes: everything healthy, an event from one end to the
# other, load without a loss, data behind every panel, gone without a trace. Under a project name of its own, beside what runs.
# Needs Docker with compose, `make setup`, `make images`. On the servers' stand-ins, of which Grafana has none:
#   CLICKHOUSE_USER=default CLICKHOUSE_PASSWORD= WITHOUT=grafana sh scripts/containers/check-compose.sh
set -eu
cd "$(dirname "$0")/../.."
node=.toolchain/bin/node
export COMPOSE_PROJECT_NAME=millrace-check
export MILLRACE_ROOT_KEY="${MILLRACE_ROOT_KEY:-check-compose-$$-0123456789}"
export INGEST_HTTP="${INGEST_HTTP:-28080}" INGEST_GRPC="${INGEST_GRPC:-28051}" QUERY_HTTP="${QUERY_HTTP:-28081}"
export QUERY_GRPC="${QUERY_GRPC:-28054}" PROMETHEUS_HTTP="${PROMETHEUS_HTTP:-29090}" GRAFANA_HTTP="${GRAFANA_HTTP:-23000}"
# The receiver is this machine, at the network's gateway.
export POSTBACK_ALLOWED_NETWORKS=172.16.0.0/12,192.168.0.0/16
ingest=http://127.0.0.1:$INGEST_HTTP
query=http://127.0.0.1:$QUERY_HTTP
# Longer than a query may take, so that reports fail too.
paused_seconds=35
stopped_seconds=15
varied_seconds=120

compose() { ${COMPOSE:-docker compose} "$@"; }
take_down() {
  [ -z "${varied:-}" ] || kill "$varied" 2>/dev/null || true
  compose down --volumes --remove-orphans
}
trap take_down EXIT

started=$(date +%s)
# shellcheck disable=SC2046 # a word per service
compose up --detach --no-build --wait --wait-timeout 300 $(compose config --services | grep -vx "${WITHOUT:-}")
echo "healthy after $(($(date +%s) - started)) s"

INGEST_URL=$ingest QUERY_URL=$query "$node" charts/millrace/files/journey.mjs
gateway=$(docker network inspect "${COMPOSE_PROJECT_NAME}_mesh" --format '{{(index .IPAM.Config 0).Gateway}}')
"$node" scripts/containers/rolling-load.ts --ingest "$ingest" --query "$query" --receiver "$gateway" \
  --rate "${RATE:-200}" --seconds 30

"$node" scripts/containers/varied-load.ts --ingest "$ingest" --query "$query" --receiver "$gateway" \
  --seconds "$varied_seconds" &
varied=$!
sleep "$stopped_seconds"
compose exec -T --workdir /app/services/aggregator aggregator node --input-type=module-typescript - \
  <scripts/containers/put-undecodable.ts
# Not `pause`: not every kernel freezes a busy container.
compose kill --signal STOP clickhouse
sleep "$paused_seconds"
compose kill --signal CONT clickhouse
sleep "$stopped_seconds"
compose stop clickhouse
sleep "$stopped_seconds"
compose start clickhouse
wait "$varied"
varied=
"$node" scripts/containers/check-dashboards.ts --prometheus "http://127.0.0.1:$PROMETHEUS_HTTP" --complete

trap - EXIT
take_down
project=label=com.docker.compose.project=$COMPOSE_PROJECT_NAME
left=$(docker ps --all --quiet --filter "$project" && docker volume ls --quiet --filter "$project" &&
  docker network ls --quiet --filter "$project")
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
echo 'gone without a trace'
