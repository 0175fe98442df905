{{/* Names, labels and the image: nothing here knows what runs. */}}

{{- define "wellhead.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 27 | trimSuffix "-" -}}
{{- end -}}

{{- define "wellhead.selector" -}}
app.kubernetes.io/name: wellhead
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "wellhead.labels" -}}
{{ include "wellhead.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "wellhead.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "wellhead.serviceAccount" -}}
{{- default (ternary (include "wellhead.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}
