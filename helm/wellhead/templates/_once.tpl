{{/* The first workload, workers before consumers: what a verb that runs once has its files, credentials and rights from. */}}
{{- define "wellhead.first" -}}
{{- $all := (include "wellhead.workloads" . | fromYaml).workloads -}}
{{- $first := first $all -}}
{{- range $all -}}
{{- if eq .kind "worker" -}}
{{- $first = . -}}
{{- end -}}
{{- end -}}
{{- mustMergeOverwrite (deepCopy $first) (dict "storage" (dict "persistent" false)) | toYaml -}}
{{- end -}}

{{/* Takes {root, name, args}: the pod of a verb that runs once, with the files of the first workload. */}}
{{- define "wellhead.once" -}}
{{- $workload := include "wellhead.first" .root | fromYaml -}}
{{- $it := dict "root" .root "workload" $workload -}}
restartPolicy: Never
serviceAccountName: {{ include "wellhead.serviceAccount" .root | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml $workload.podSecurityContext | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: {{ .name }}
    image: {{ include "wellhead.image" .root | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args:
      {{- toYaml .args | nindent 6 }}
    env:
      {{- include "wellhead.env" $it | nindent 6 }}
    resources:
      requests: {cpu: 100m, memory: 256Mi}
      limits: {memory: 512Mi}
    securityContext:
      {{- toYaml $workload.securityContext | nindent 6 }}
    volumeMounts:
      {{- include "wellhead.mounts" $it | nindent 6 }}
volumes:
  {{- include "wellhead.volumes" $it | nindent 2 }}
{{- end -}}
