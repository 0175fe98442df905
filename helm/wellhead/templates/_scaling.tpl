{{/* Takes {root, workload}: what makes its replicas follow the load. */}}
{{- define "wellhead.scaler" -}}
{{- $scaling := .workload.autoscaling -}}
{{- $name := include "wellhead.workloadName" . -}}
{{- if int $scaling.lag -}}
{{- $words := include "wellhead.words" . | fromYaml -}}
{{- $servers := get $words "kafka.bootstrap.servers" -}}
{{- if eq .workload.kind "attacks-api" -}}
{{- fail (printf "consumers.%s.autoscaling.lag: it reads no topic; leave it 0, and it follows the CPU" .workload.name) -}}
{{- end -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ $name }}
  labels:
    {{- include "wellhead.workloadLabels" . | nindent 4 }}
spec:
  scaleTargetRef:
    name: {{ $name }}
  minReplicaCount: {{ max 1 (int $scaling.minReplicas) }}
  maxReplicaCount: {{ int $scaling.maxReplicas }}
  triggers:
    {{- range $section, $entries := include "wellhead.section" . | fromYaml }}
    {{- range $entry, $options := $entries }}
    {{- range $topic := include "wellhead.topics" $options | splitList "," }}
    - type: kafka
      metadata:
        bootstrapServers: {{ kindIs "slice" $servers | ternary (join "," $servers) $servers | quote }}
        consumerGroup: {{ eq $section "floods" | ternary (printf "%s-%s-%s" (get $words "group.id") $entry (trim $topic)) (get $words "group.id") | quote }}
        topic: {{ $topic | trim | quote }}
        lagThreshold: {{ int $scaling.lag | quote }}
        offsetResetPolicy: earliest
      {{- with $scaling.authenticationRef }}
      authenticationRef:
        name: {{ . | quote }}
      {{- end }}
    {{- end }}
    {{- end }}
    {{- end }}
{{- else -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels:
    {{- include "wellhead.workloadLabels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: {{ .workload.controller }}
    name: {{ $name }}
  minReplicas: {{ int $scaling.minReplicas }}
  maxReplicas: {{ int $scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ int $scaling.cpuPercent }}
{{- end -}}
{{- end -}}

{{/* The topics that an entry of attacks or floods reads, with commas between them. */}}
{{- define "wellhead.topics" -}}
{{- $topics := default (get . "topic") (get . "topics") -}}
{{- kindIs "slice" $topics | ternary (join "," (kindIs "slice" $topics | ternary $topics list)) $topics -}}
{{- end -}}
