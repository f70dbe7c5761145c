#!/bin/sh
# Checks the chart and the alerts without a cluster: make chart. Uses helm, promtool, and where they are installed
# helm-unittest, kubeconform, kube-score; SCHEMAS is a folder of schemas for a kubeconform without network.
set -eu
cd "$(dirname "$0")/../.."
chart=charts/millrace
failed=0

need() {
  command -v "$1" >/dev/null 2>&1 && return 0
  echo "$1 is needed: $2" >&2
  exit 1
}
need helm "install Helm 3.18 or newer"
need promtool "it comes with Prometheus (Debian: apt-get install prometheus)"

check() {
  title=$1
  shift
  if "$@" >"$output" 2>&1; then
    echo "ok     $title"
  else
    echo "not ok $title"
    cat "$output"
    failed=$((failed + 1))
  fi
}
optional() {
  if command -v "$2" >/dev/null 2>&1; then check "$@"; else echo "skip   $1: $2 is not installed"; fi
}
rendered=$(mktemp -d)
output=$rendered/output
trap 'rm -rf "$rendered"' EXIT

# Of custom resources nobody brings schemas along.
custom=ServiceMonitor,PrometheusRule,ScaledObject,TriggerAuthentication,HTTPRoute,GRPCRoute
for values in "$chart"/ci/*-values.yaml; do
  name=$(basename "$values" -values.yaml)
  check "$name: helm lint" helm lint --strict "$chart" --values "$values"
  check "$name: renders" sh -c "helm template mesh $chart --namespace mesh --kube-version 1.34.0 --values $values >$rendered/$name.yaml"
  optional "$name: objects are valid" kubeconform -strict -skip "$custom" \
    ${SCHEMAS:+-schema-location "$SCHEMAS/{{ .ResourceKind }}{{ .KindSuffix }}.json"} "$rendered/$name.yaml"
  # No CPU limits: they slow down a process that has something to do while nobody else needs the core.
  [ "$name" = plain ] || optional "$name: nothing critical" kube-score score --ignore-container-cpu-limit \
    --ignore-test container-image-pull-policy --output-format ci "$rendered/$name.yaml"
done
optional "unit tests" helm-unittest "$chart"
check "alerts are valid" promtool check rules "$chart"/files/rules/*.yaml
check "alerts do what they say" promtool test rules deploy/prometheus/tests/*.yaml
[ "$failed" -eq 0 ]
