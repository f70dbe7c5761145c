{{/*
All objects of one service.
(dict "root" $ "component" "ingest" "values" .Values.ingest "kind" "Deployment"
      "ports" (list (dict "name" "http" "port" 8080) ...) "operationsPort" 9101 "env" (list of names of templates) "set" (dict))
*/}}
{{- define "millrace.service" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $name := printf "%s-%s" (include "millrace.fullname" $root) .component -}}
{{- $labels := include "millrace.labels" (dict "root" $root "component" .component) -}}
{{- $selector := include "millrace.selector" (dict "root" $root "component" .component) -}}
{{- $keda := and (hasKey $values "keda") $values.keda.enabled -}}
{{- if $root.Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
  {{- with $root.Values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
---
{{- end }}
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
  {{- with $values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $values.service.type }}
  {{- if .headless }}
  # Whoever asks gets the addresses of all instances, and talks to each.
  clusterIP: None
  {{- end }}
  selector: {{- $selector | nindent 4 }}
  ports:
    {{- range .ports }}
    - name: {{ .name }}
      port: {{ .port }}
      targetPort: {{ .name }}
      {{- with .appProtocol }}
      appProtocol: {{ . }}
      {{- end }}
    {{- end }}
    - name: operations
      port: {{ .operationsPort }}
      targetPort: operations
---
apiVersion: apps/v1
kind: {{ .kind }}
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
spec:
  {{- if not (or $values.autoscaling.enabled $keda) }}
  replicas: {{ $values.replicas }}
  {{- end }}
  {{- if eq .kind "StatefulSet" }}
  serviceName: {{ $name }}
  podManagementPolicy: Parallel
  {{- else }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels: {{- $selector | nindent 6 }}
  template:
    metadata:
      labels:
        {{- $labels | nindent 8 }}
        {{- with $root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $root.Values.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ ternary $name "default" $root.Values.serviceAccount.create }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
      securityContext: {{- include "millrace.podSecurity" $root | nindent 8 }}
      {{- with $root.Values.image.pullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $root.Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if $root.Values.topologySpread }}
      topologySpreadConstraints:
        {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - topologyKey: {{ . }}
          maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- $selector | nindent 14 }}
        {{- end }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "millrace.image" (dict "root" $root "component" .component) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          securityContext: {{- include "millrace.containerSecurity" $root | nindent 12 }}
          env:
            - name: SHUTDOWN_TIMEOUT_MS
              value: {{ mul 1000 (sub (sub $root.Values.terminationGracePeriodSeconds $root.Values.preStopSeconds) 5) | quote }}
            {{- include "millrace.keysEnv" $root | nindent 12 }}
            {{- include "millrace.kafkaEnv" $root | nindent 12 }}
            {{- with include "millrace.tracingEnv" $root | trim }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- if .clickhouse }}
            {{- include "millrace.clickhouseEnv" $root | nindent 12 }}
            {{- end }}
            {{- if eq .kind "StatefulSet" }}
            - name: POSTBACK_INSTANCE_ID
              valueFrom: {fieldRef: {fieldPath: metadata.name}}
            {{- end }}
            {{- include "millrace.env" (list (default (dict) .set) $root.Values.env $values.env) | trim | nindent 12 }}
          ports:
            {{- range .ports }}
            - {name: {{ .name }}, containerPort: {{ .port }}}
            {{- end }}
            - {name: operations, containerPort: {{ .operationsPort }}}
          startupProbe:
            httpGet: {path: /healthz/live, port: operations}
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /healthz/live, port: operations}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /healthz/ready, port: operations}
            periodSeconds: 3
            timeoutSeconds: 2
            failureThreshold: 2
          lifecycle:
            preStop:
              sleep: {seconds: {{ $root.Values.preStopSeconds }}}
          resources: {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- include "millrace.mounts" $root | trim | nindent 12 }}
      volumes:
        - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
        {{- include "millrace.volumes" $root | trim | nindent 8 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
spec:
  maxUnavailable: {{ $values.pdb.maxUnavailable }}
  selector:
    matchLabels: {{- $selector | nindent 6 }}
{{- if $values.autoscaling.enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: {{ .kind }}, name: {{ $name }}}
  minReplicas: {{ $values.autoscaling.minReplicas }}
  maxReplicas: {{ $values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ $values.autoscaling.targetCPUUtilizationPercentage }}}
{{- else if $keda }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ $name }}
  labels: {{- $labels | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: {{ .kind }}, name: {{ $name }}}
  minReplicaCount: {{ $values.keda.minReplicas }}
  maxReplicaCount: {{ $values.keda.maxReplicas }}
  triggers:
    {{- $keda := $values.keda }}
    {{- range .lag }}
    - type: kafka
      metadata:
        bootstrapServers: {{ include "millrace.kafkaBrokers" $root | quote }}
        consumerGroup: {{ printf "%s%s" $root.Values.kafka.topicPrefix .group | quote }}
        topic: {{ printf "%s%s" $root.Values.kafka.topicPrefix .topic | quote }}
        lagThreshold: {{ $keda.lagThreshold | quote }}
      {{- if or $root.Values.kafka.sasl.mechanism $root.Values.kafka.tls.enabled }}
      authenticationRef: {name: {{ include "millrace.fullname" $root }}-kafka}
      {{- end }}
    {{- end }}
{{- end }}
{{- if $root.Values.monitoring.serviceMonitor }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ $name }}
  labels:
    {{- $labels | nindent 4 }}
    {{- with $root.Values.monitoring.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels: {{- $selector | nindent 6 }}
  endpoints:
    - port: operations
      path: /metrics
      interval: {{ $root.Values.monitoring.intervalSeconds }}s
{{- end }}
{{- end -}}
