{{/* The ports of all servers that the values name, and 443: with commas between them, in order. */}}
{{- define "wellhead.destinationPorts" -}}
{{- $ports := dict "443" true -}}
{{- $text := list -}}
{{- range $workload := (include "wellhead.workloads" . | fromYaml).workloads -}}
{{- $words := include "wellhead.words" (dict "root" $ "workload" $workload) | fromYaml -}}
{{- range (kindIs "slice" (get $words "kafka.bootstrap.servers")) | ternary (get $words "kafka.bootstrap.servers") (splitList "," (toString (get $words "kafka.bootstrap.servers"))) -}}
{{- $_ := set $ports (regexFind "[0-9]+$" . | default "9092") true -}}
{{- end -}}
{{- $text = append $text (omit $words "listeners" "probe.listeners" | toYaml) -}}
{{- end -}}
{{- range list "connectors" "lookups" "attacks" "floods" -}}
{{- $text = append $text (get $.Values . | toYaml) -}}
{{- end -}}
{{- range $url := regexFindAll "[a-z+]+://[^\\s\"'/:][^\\s\"'/]*" (join "\n" $text) -1 -}}
{{- $scheme := index (splitList "://" $url) 0 -}}
{{- range $host := splitList "," (index (splitList "://" $url) 1) -}}
{{- $usual := hasPrefix "redis" $scheme | ternary (contains "sentinel" $scheme | ternary "26379" "6379") (eq $scheme "http" | ternary "80" "443") -}}
{{- if not (regexMatch "^(127\\.0\\.0\\.1|localhost)" $host) -}}
{{- $_ := set $ports (regexFind ":[0-9]+$" $host | trimPrefix ":" | default $usual) true -}}
{{- if contains "sentinel" $scheme -}}{{- $_ := set $ports "6379" true -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- keys $ports | sortAlpha | join "," -}}
{{- end -}}
