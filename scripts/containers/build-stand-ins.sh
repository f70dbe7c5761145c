#!/bin/sh
# Builds images with the interfaces of Kafka's, ClickHouse's and Prometheus' official ones, under their names, for a machine
# that reaches no image registry. Needs Docker, `make setup`, and debian:bookworm-slim and node:24-bookworm-slim by any means.
set -eu
cd "$(dirname "$0")/../.."
stand_ins=scripts/containers/stand-ins
node=.toolchain/bin/node
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

mkdir "$context/kafka" "$context/clickhouse"
cp "$stand_ins"/kafka/* "$context/kafka/"
mkdir "$context/kafka/kafka"
cp .toolchain/kafka/*.jar "$context/kafka/kafka/"
docker build --quiet --tag apache/kafka:4.1.1 "$context/kafka"

cp "$stand_ins"/clickhouse/* scripts/local-stack/clickhouse-server.ts "$context/clickhouse/"
"$node" scripts/containers/describe-clickhouse.ts "$context/clickhouse"
docker build --quiet --tag clickhouse/clickhouse-server:26.7 "$context/clickhouse"

docker build --quiet --tag prom/prometheus:v3.7.3 "$stand_ins/prometheus"
