#!/bin/sh
# Checks the chart and the alerts: make chart. Uses helm, promtool, and where they are installed helm-unittest, helm-docs,
# kubeconform, kube-score; SCHEMAS is a folder of schemas for a kubeconform without network. With SERVER_NAMESPACE, a
# namespace of kubectl's cluster that warns of the restricted pod security standard, its API server judges the objects too;
# nothing is made there.
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
without_custom=monitoring.serviceMonitor=false,monitoring.prometheusRules=false,gateway.enabled=false
without_custom=$without_custom,aggregator.keda.enabled=false,postbackDelivery.keda.enabled=false
judge() {
  helm template mesh "$chart" --namespace "$SERVER_NAMESPACE" --kube-version 1.34.0 --values "$1" --set "$without_custom" \
    >"$rendered/objects.yaml" || return 1
  kubectl apply --namespace "$SERVER_NAMESPACE" --dry-run=server --validate=strict --filename "$rendered/objects.yaml" \
    >"$rendered/judged" 2>&1
  refused=$?
  cat "$rendered/judged"
  # What it warns of would violate the standard.
  [ "$refused" -eq 0 ] && ! grep -iq '^warning' "$rendered/judged"
}
same_readme() {
  cp -R "$chart" "$rendered/chart"
  helm-docs --chart-search-root "$rendered/chart" --template-files README.md.gotmpl
  diff "$chart/README.md" "$rendered/chart/README.md"
}
for values in "$chart"/ci/*-values.yaml; do
  name=$(basename "$values" -values.yaml)
  check "$name: helm lint" helm lint --strict "$chart" --values "$values"
  check "$name: renders" sh -c "helm template mesh $chart --namespace mesh --kube-version 1.34.0 --values $values >$rendered/$name.yaml"
  optional "$name: objects are valid" kubeconform -strict -skip "$custom" \
    ${SCHEMAS:+-schema-location "$SCHEMAS/{{ .ResourceKind }}{{ .KindSuffix }}.json"} "$rendered/$name.yaml"
  # No CPU limits: they slow down a process that has something to do while nobody else needs the core.
  [ "$name" = plain ] || optional "$name: nothing critical" kube-score score --ignore-container-cpu-limit \
    --ignore-test container-image-pull-policy --output-format ci "$rendered/$name.yaml"
  [ -z "${SERVER_NAMESPACE:-}" ] || check "$name: the API server takes them" judge "$values"
done
if command -v helm-docs >/dev/null 2>&1; then check "README is that of the values" same_readme; fi
optional "unit tests" helm-unittest "$chart"
check "alerts are valid" promtool check rules "$chart"/files/rules/*.yaml
check "alerts do what they say" promtool test rules deploy/prometheus/tests/*.yaml
[ "$failed" -eq 0 ]
