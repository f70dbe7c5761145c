{{- define "millrace.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* Labels that select the pods of one component: (dict "root" $ "component" "ingest") */}}
{{- define "millrace.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "millrace.labels" -}}
{{ include "millrace.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: millrace
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "millrace.image" -}}
{{ .root.Values.image.registry }}/{{ .component }}:{{ default .root.Chart.AppVersion .root.Values.image.tag }}
{{- end -}}

{{- define "millrace.rootKeySecret" -}}
{{- default (printf "%s-root-key" (include "millrace.fullname" .)) .Values.rootKey.existingSecret -}}
{{- end -}}

{{- define "millrace.kafkaBrokers" -}}
{{- if .Values.kafka.bundled.enabled -}}
{{- $name := printf "%s-kafka" (include "millrace.fullname" .) -}}
{{- $brokers := list -}}
{{- range $ordinal := until (int .Values.kafka.bundled.replicas) -}}
{{- $brokers = append $brokers (printf "%s-%d.%s:9092" $name $ordinal $name) -}}
{{- end -}}
{{ join "," $brokers }}
{{- else -}}{{ join "," .Values.kafka.brokers }}{{- end -}}
{{- end -}}

{{- define "millrace.kafkaReplicationFactor" -}}
{{ .Values.kafka.bundled.enabled | ternary .Values.kafka.bundled.replicas .Values.kafka.replicationFactor }}
{{- end -}}

{{- define "millrace.kafkaMinInsyncReplicas" -}}
{{- if .Values.kafka.bundled.enabled -}}{{ ternary 2 1 (gt (int .Values.kafka.bundled.replicas) 1) }}
{{- else -}}{{ .Values.kafka.minInsyncReplicas }}{{- end -}}
{{- end -}}

{{- define "millrace.clickhouseUrl" -}}
{{- if .Values.clickhouse.bundled.enabled -}}http://{{ include "millrace.fullname" . }}-clickhouse:8123
{{- else -}}{{ .Values.clickhouse.url }}{{- end -}}
{{- end -}}

{{- define "millrace.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "millrace.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
