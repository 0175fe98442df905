{{/* Wellhead's own files, made of values. Words stay Wellhead's; this only lays them side by side. */}}

{{/* Takes {in, out, prefix}: puts each word of nested mappings into `out`, joined by dots, as Wellhead itself reads them. */}}
{{- define "wellhead.flatten" -}}
{{- $out := .out -}}
{{- $prefix := .prefix -}}
{{- range $key, $value := .in -}}
{{- if kindIs "map" $value -}}
{{- include "wellhead.flatten" (dict "in" $value "out" $out "prefix" (printf "%s%s." $prefix $key)) -}}
{{- else -}}
{{- $_ := set $out (printf "%s%s" $prefix $key) $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes {root, workload}: the words of the section `worker`, flat. What the chart itself depends on comes last. */}}
{{- define "wellhead.words" -}}
{{- $root := .root -}}
{{- $workload := .workload -}}
{{- $shared := dict "group.id" "wellhead" "log.format" "json" -}}
{{- include "wellhead.flatten" (dict "in" $root.Values.worker "out" $shared "prefix" "") -}}
{{- $words := deepCopy $shared -}}
{{- if ne $workload.kind "worker" -}}
{{- $_ := set $words "group.id" (printf "%s-%s" (get $shared "group.id") $workload.name) -}}
{{- else if and $root.Values.workers.staticMembership (eq $root.Values.workers.mode "group") -}}
{{- $_ := set $words "session.timeout.ms" (default 45000 (get $shared "session.timeout.ms")) -}}
{{- end -}}
{{- include "wellhead.flatten" (dict "in" $workload.worker "out" $words "prefix" "") -}}
{{- $_ := set $words "spool.dir" "/var/lib/wellhead/spool" -}}
{{- $probes := printf "http://:%d" (int $workload.probePort) -}}
{{- if eq (include "wellhead.answersRest" .) "true" -}}
{{- $_ := set $words "probe.listeners" $probes -}}
{{- else -}}
{{- $_ := set $words "listeners" $probes -}}
{{- $_ := unset $words "probe.listeners" -}}
{{- end -}}
{{- $words | toYaml -}}
{{- end -}}

{{/* Whether probes have listeners of their own beside an API; all others answer probes and metrics on `listeners`. */}}
{{- define "wellhead.answersRest" -}}
{{- or (eq .workload.kind "attacks-api") (and (eq .workload.kind "worker") (eq .root.Values.workers.mode "group")) -}}
{{- end -}}

{{/* Takes {root, workload}: the section beside `worker`, by name; empty where there is nothing in it. */}}
{{- define "wellhead.section" -}}
{{- $name := get (dict "worker" "connectors" "lookups" "lookups" "attacks" "attacks" "attacks-api" "attacks" "floods" "floods") .workload.kind -}}
{{- $entries := deepCopy (get .root.Values $name) -}}
{{- if .workload.only -}}
{{- $picked := dict -}}
{{- range .workload.only -}}
{{- if not (hasKey $entries .) -}}
{{- fail (printf "consumers.%s.only: there is no entry %q under %s; there are: %s" $.workload.name . $name (keys $entries | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $_ := set $picked . (get $entries .) -}}
{{- end -}}
{{- $entries = $picked -}}
{{- end -}}
{{- if and (not $entries) (ne $name "connectors") -}}
{{- fail (printf "consumers.%s: there is no entry under %s for it to run" .workload.name $name) -}}
{{- end -}}
{{- if eq $name "lookups" -}}
{{- range $entry, $options := $entries -}}
{{- range $word := list "state" "output" -}}
{{- if and (not (hasKey $options (printf "%s.dir" $word))) (not (dig $word "dir" "" $options)) -}}
{{- $_ := set $options (printf "%s.dir" $word) (printf "/var/lib/wellhead/%s/%s" $entry $word) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $entries -}}
{{- dict $name $entries | toYaml -}}
{{- end -}}
{{- end -}}

{{/* Takes {root, workload}: the files of its ConfigMap, by name. */}}
{{- define "wellhead.configFiles" -}}
worker.yaml: |
  worker:
    {{- include "wellhead.words" . | nindent 4 }}
{{- with include "wellhead.section" . }}
entries.yaml: |
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Takes {root, workload}: the command line behind `wellhead`. */}}
{{- define "wellhead.args" -}}
{{- $kind := .workload.kind -}}
{{- $entries := include "wellhead.section" . | fromYaml -}}
{{- $worker := "/etc/wellhead/worker.yaml" -}}
{{- $args := list -}}
{{- if and (eq $kind "worker") (eq .root.Values.workers.mode "group") -}}
{{- $args = list "worker" "-c" $worker -}}
{{- else if eq $kind "worker" -}}
{{- $args = list "run" $worker -}}
{{- else if eq $kind "lookups" -}}
{{- $args = list "lookup" "run" $worker -}}
{{- else if eq $kind "attacks-api" -}}
{{- $args = list "attacks" "serve" $worker -}}
{{- else -}}
{{- $args = list $kind "run" $worker -}}
{{- end -}}
{{- if $entries -}}
{{- $args = append $args "/etc/wellhead/entries.yaml" -}}
{{- end -}}
{{- concat $args (default list .workload.extraArgs) | toYaml -}}
{{- end -}}
