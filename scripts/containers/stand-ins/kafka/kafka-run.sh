#!/bin/bash
# KAFKA_SOME_SETTING becomes some.setting, as in the official image; formats the data folder once; runs the broker.
set -euf
properties=/opt/kafka/config/server.properties
env | while IFS='=' read -r name value; do
  case $name in
    KAFKA_HEAP_OPTS | KAFKA_OPTS) ;;
    KAFKA_*) key=${name#KAFKA_} && key=${key,,} && echo "${key//_/.}=$value" ;;
  esac
done >"$properties"
java="java ${KAFKA_HEAP_OPTS:-} -XX:+UseSerialGC -cp /opt/kafka/libs/*"
$java kafka.tools.StorageTool format --cluster-id="$CLUSTER_ID" --config "$properties" --ignore-formatted
exec $java kafka.Kafka "$properties"
