{{/* What the names of a map are set to, as a container's env; later maps win. */}}
{{- define "millrace.env" -}}
{{- $all := dict -}}
{{- range . -}}{{- $all = mergeOverwrite $all (deepCopy .) -}}{{- end -}}
{{- range $name, $value := $all }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "millrace.kafkaEnv" -}}
- name: KAFKA_BROKERS
  value: {{ include "millrace.kafkaBrokers" . | quote }}
- name: KAFKA_TOPIC_PREFIX
  value: {{ .Values.kafka.topicPrefix | quote }}
- name: KAFKA_REPLICATION_FACTOR
  value: {{ include "millrace.kafkaReplicationFactor" . | quote }}
- name: KAFKA_MIN_INSYNC_REPLICAS
  value: {{ include "millrace.kafkaMinInsyncReplicas" . | quote }}
- name: KAFKA_EVENTS_PARTITIONS
  value: {{ .Values.kafka.eventsPartitions | quote }}
- name: KAFKA_POSTBACKS_PARTITIONS
  value: {{ .Values.kafka.postbacksPartitions | quote }}
{{- if .Values.kafka.tls.enabled }}
- name: KAFKA_TLS
  value: "true"
{{- if .Values.kafka.tls.caSecret }}
- name: KAFKA_TLS_CA_FILE
  value: /etc/millrace/kafka-ca/ca.crt
{{- end }}
{{- if .Values.kafka.tls.clientSecret }}
- name: KAFKA_TLS_CERT_FILE
  value: /etc/millrace/kafka-client/tls.crt
- name: KAFKA_TLS_KEY_FILE
  value: /etc/millrace/kafka-client/tls.key
{{- end }}
{{- end }}
{{- if .Values.kafka.sasl.mechanism }}
- name: KAFKA_SASL_MECHANISM
  value: {{ .Values.kafka.sasl.mechanism }}
- name: KAFKA_SASL_USERNAME
  valueFrom: {secretKeyRef: {name: {{ .Values.kafka.sasl.existingSecret }}, key: username}}
- name: KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.kafka.sasl.existingSecret }}, key: password}}
{{- end }}
{{- end -}}

{{- define "millrace.clickhouseEnv" -}}
- name: CLICKHOUSE_URL
  value: {{ include "millrace.clickhouseUrl" . | quote }}
- name: CLICKHOUSE_DATABASE
  value: {{ .Values.clickhouse.database | quote }}
{{- if .Values.clickhouse.cluster }}
- name: CLICKHOUSE_CLUSTER
  value: {{ .Values.clickhouse.cluster | quote }}
{{- end }}
{{- if .Values.clickhouse.existingSecret }}
- name: CLICKHOUSE_USER
  valueFrom: {secretKeyRef: {name: {{ .Values.clickhouse.existingSecret }}, key: username}}
- name: CLICKHOUSE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.clickhouse.existingSecret }}, key: password}}
{{- else }}
- name: CLICKHOUSE_USER
  value: {{ .Values.clickhouse.user | quote }}
{{- end }}
{{- if .Values.clickhouse.tls.caSecret }}
- name: CLICKHOUSE_TLS_CA_FILE
  value: /etc/millrace/clickhouse-ca/ca.crt
{{- end }}
{{- end -}}

{{- define "millrace.keysEnv" -}}
- name: MILLRACE_ROOT_KEY
  valueFrom: {secretKeyRef: {name: {{ include "millrace.rootKeySecret" . }}, key: {{ .Values.rootKey.secretKey }}}}
{{- if .Values.secretsKey.existingSecret }}
- name: MILLRACE_SECRETS_KEY
  valueFrom: {secretKeyRef: {name: {{ .Values.secretsKey.existingSecret }}, key: {{ .Values.secretsKey.secretKey }}}}
{{- end }}
{{- end -}}

{{- define "millrace.tracingEnv" -}}
{{- if .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .Values.tracing.endpoint | quote }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .Values.tracing.ratio | quote }}
{{- end }}
{{- end -}}

{{- define "millrace.mounts" -}}
{{- if and .Values.kafka.tls.enabled .Values.kafka.tls.caSecret }}
- {name: kafka-ca, mountPath: /etc/millrace/kafka-ca, readOnly: true}
{{- end }}
{{- if and .Values.kafka.tls.enabled .Values.kafka.tls.clientSecret }}
- {name: kafka-client, mountPath: /etc/millrace/kafka-client, readOnly: true}
{{- end }}
{{- if .Values.clickhouse.tls.caSecret }}
- {name: clickhouse-ca, mountPath: /etc/millrace/clickhouse-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- define "millrace.volumes" -}}
{{- if and .Values.kafka.tls.enabled .Values.kafka.tls.caSecret }}
- {name: kafka-ca, secret: {secretName: {{ .Values.kafka.tls.caSecret }}, defaultMode: 0440}}
{{- end }}
{{- if and .Values.kafka.tls.enabled .Values.kafka.tls.clientSecret }}
- {name: kafka-client, secret: {secretName: {{ .Values.kafka.tls.clientSecret }}, defaultMode: 0440}}
{{- end }}
{{- if .Values.clickhouse.tls.caSecret }}
- {name: clickhouse-ca, secret: {secretName: {{ .Values.clickhouse.tls.caSecret }}, defaultMode: 0440}}
{{- end }}
{{- end -}}
