{{/* One family for everything that runs: workers and consumers differ in values, never in a template. */}}

{{/* All workloads, each with everything it says and what it leaves to `defaults`, as {workloads: [...]}. */}}
{{- define "wellhead.workloads" -}}
{{- $found := list -}}
{{- $own := omit .Values.workers "mode" "staticMembership" -}}
{{- $all := dict "worker" (merge (dict "kind" "worker") $own) -}}
{{- range $name, $consumer := .Values.consumers -}}
{{- if hasKey $all $name -}}
{{- fail "consumers.worker: this name is that of the workers; call it otherwise" -}}
{{- end -}}
{{- $_ := set $all $name $consumer -}}
{{- end -}}
{{- range $name, $entry := $all -}}
{{- $stateful := has $entry.kind (list "worker" "lookups") -}}
{{- $ofKind := dict "name" $name "replicas" 1 "controller" (ternary "StatefulSet" "Deployment" $stateful) "preStopSleepSecs" (ternary 5 0 (eq $entry.kind "attacks-api")) -}}
{{- $workload := mustMergeOverwrite (deepCopy $.Values.defaults) $ofKind (deepCopy $entry) -}}
{{- if $workload.enabled -}}
{{- include "wellhead.refuse" (dict "root" $ "workload" $workload) -}}
{{- $found = append $found $workload -}}
{{- end -}}
{{- end -}}
{{- if not $found -}}
{{- fail "nothing would run: workers.enabled is false and there are no consumers" -}}
{{- end -}}
{{- dict "workloads" $found | toYaml -}}
{{- end -}}

{{/* What the schema cannot say. */}}
{{- define "wellhead.refuse" -}}
{{- $name := .workload.name -}}
{{- $many := or (gt (int .workload.replicas) 1) .workload.autoscaling.enabled -}}
{{- if and (eq .workload.kind "worker") (eq .root.Values.workers.mode "alone") $many -}}
{{- fail "workers.replicas: two processes of mode alone would pull the same tenants; have 1, or mode: group" -}}
{{- end -}}
{{- if and (eq .workload.kind "worker") (eq .root.Values.workers.mode "alone") (not .root.Values.connectors) -}}
{{- fail "connectors: mode alone runs those of this file, and there are none; add one, or have mode: group" -}}
{{- end -}}
{{- if and (eq .workload.kind "lookups") $many -}}
{{- fail (printf "consumers.%s.replicas: a lookup's state is one process's; have 1, and a consumer for each lookup (only: [...]) to share the work" $name) -}}
{{- end -}}
{{- if and (eq .workload.kind "worker") .workload.autoscaling.enabled -}}
{{- fail "workers.autoscaling: workers hold live connections and quotas, so they do not follow the load; set workers.replicas" -}}
{{- end -}}
{{- if and .workload.storage.persistent (ne .workload.controller "StatefulSet") -}}
{{- fail (printf "consumers.%s.storage.persistent: it keeps nothing between starts; leave it out" $name) -}}
{{- end -}}
{{- end -}}

{{- define "wellhead.workloadName" -}}
{{- printf "%s-%s" (include "wellhead.fullname" .root) .workload.name -}}
{{- end -}}

{{- define "wellhead.workloadSelector" -}}
{{ include "wellhead.selector" .root }}
app.kubernetes.io/component: {{ .workload.name | quote }}
{{- end -}}

{{- define "wellhead.workloadLabels" -}}
{{ include "wellhead.labels" .root }}
app.kubernetes.io/component: {{ .workload.name | quote }}
{{- end -}}

{{/* Seconds a pod has to end. */}}
{{- define "wellhead.graceSecs" -}}
{{- if kindIs "invalid" .workload.terminationGracePeriodSeconds -}}
{{- $words := include "wellhead.words" . | fromYaml -}}
{{- $graceful := default 5000 (get $words "task.shutdown.graceful.timeout.ms") -}}
{{- add (int .workload.preStopSleepSecs) (ceil (divf (float64 $graceful) 1000)) 15 -}}
{{- else -}}
{{- int .workload.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end -}}

{{- define "wellhead.controller" -}}
{{- $stateful := eq .workload.controller "StatefulSet" -}}
apiVersion: apps/v1
kind: {{ .workload.controller }}
metadata:
  name: {{ include "wellhead.workloadName" . }}
  labels:
    {{- include "wellhead.workloadLabels" . | nindent 4 }}
spec:
  {{- if not .workload.autoscaling.enabled }}
  replicas: {{ int .workload.replicas }}
  {{- end }}
  minReadySeconds: {{ int .workload.minReadySeconds }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "wellhead.workloadSelector" . | nindent 6 }}
  {{- if $stateful }}
  serviceName: {{ include "wellhead.workloadName" . }}
  podManagementPolicy: Parallel
  updateStrategy:
    type: RollingUpdate
  {{- if .workload.storage.persistent }}
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .workload.storage.className }}
        storageClassName: {{ . | quote }}
        {{- end }}
        resources:
          requests:
            storage: {{ .workload.storage.size }}
  {{- end }}
  {{- else }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  {{- end }}
  template:
    {{- include "wellhead.pod" . | nindent 4 }}
{{- end -}}

{{- define "wellhead.pod" -}}
{{- $workload := .workload -}}
metadata:
  labels:
    {{- include "wellhead.workloadLabels" . | nindent 4 }}
    {{- with $workload.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- if $workload.restartOnChange }}
    checksum/config: {{ printf "%s%s" (include "wellhead.configFiles" .) (toYaml .root.Values.files) | sha256sum }}
    {{- end }}
    kubectl.kubernetes.io/default-container: wellhead
    {{- with $workload.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "wellhead.serviceAccount" .root | quote }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "wellhead.graceSecs" . }}
  securityContext:
    {{- toYaml $workload.podSecurityContext | nindent 4 }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $workload.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- range $field := list "nodeSelector" "tolerations" "affinity" "initContainers" }}
  {{- with get $workload $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  topologySpreadConstraints:
    {{- if $workload.topologySpreadConstraints }}
    {{- toYaml $workload.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "wellhead.workloadSelector" . | nindent 10 }}
    {{- end }}
  containers:
    {{- include "wellhead.container" . | nindent 4 }}
    {{- with $workload.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "wellhead.volumes" . | nindent 4 }}
{{- end -}}

{{- define "wellhead.container" -}}
{{- $workload := .workload -}}
- name: wellhead
  image: {{ include "wellhead.image" .root | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args:
    {{- include "wellhead.args" . | nindent 4 }}
  env:
    {{- include "wellhead.env" . | nindent 4 }}
  ports:
    - name: probes
      containerPort: {{ int $workload.probePort }}
      protocol: TCP
    {{- range $workload.ports }}
    - name: {{ .name | quote }}
      containerPort: {{ int .port }}
      protocol: {{ default "TCP" .protocol }}
    {{- end }}
  startupProbe:
    httpGet: {path: /live, port: probes}
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: {{ div (int $workload.startupSecs) 2 }}
  livenessProbe:
    httpGet: {path: /live, port: probes}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  readinessProbe:
    httpGet: {path: /ready, port: probes}
    periodSeconds: 5
    timeoutSeconds: 5
    failureThreshold: 3
  {{- if int $workload.preStopSleepSecs }}
  lifecycle:
    preStop:
      exec:
        command: [sleep, {{ int $workload.preStopSleepSecs | quote }}]
  {{- end }}
  resources:
    {{- toYaml $workload.resources | nindent 4 }}
  securityContext:
    {{- toYaml $workload.securityContext | nindent 4 }}
  volumeMounts:
    {{- include "wellhead.mounts" . | nindent 4 }}
{{- end -}}

{{/* Nothing secret: credentials are files. */}}
{{- define "wellhead.env" -}}
- name: HOME
  value: /var/lib/wellhead
- name: PYTHONDONTWRITEBYTECODE
  value: "1"
{{- if and (eq .workload.kind "worker") (eq .root.Values.workers.mode "group") }}
- name: WELLHEAD_REST_ADVERTISED_HOST_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- if .root.Values.workers.staticMembership }}
- name: WELLHEAD_GROUP_INSTANCE_ID
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}
{{- end }}
{{- with .workload.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "wellhead.mounts" -}}
- name: config
  mountPath: /etc/wellhead
  readOnly: true
{{- if .root.Values.files }}
- name: files
  mountPath: /etc/wellhead-files
  readOnly: true
{{- end }}
- name: data
  mountPath: /var/lib/wellhead
- name: tmp
  mountPath: /tmp
{{- range .root.Values.secrets }}
- name: secret-{{ .name }}
  mountPath: /run/secrets/wellhead/{{ .name }}
  readOnly: true
{{- end }}
{{- with .workload.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "wellhead.volumes" -}}
- name: config
  configMap:
    name: {{ include "wellhead.workloadName" . }}
{{- if .root.Values.files }}
- name: files
  configMap:
    name: {{ include "wellhead.fullname" .root }}-files
{{- end }}
{{- if not .workload.storage.persistent }}
- name: data
  emptyDir:
    sizeLimit: {{ .workload.storage.size }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- range .root.Values.secrets }}
- name: secret-{{ .name }}
  secret:
    secretName: {{ default .name .secret | quote }}
    defaultMode: 0440
    optional: {{ default false .optional }}
    {{- with .keys }}
    items:
      {{- range . }}
      - {key: {{ . | quote }}, path: {{ . | quote }}}
      {{- end }}
    {{- end }}
{{- end }}
{{- with .workload.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
