{{- define "kseal.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kseal.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "kseal.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "kseal.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "kseal.namespace" -}}
{{- default .Release.Namespace .Values.namespace }}
{{- end }}

{{- define "kseal.account" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kseal.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "kseal.selector" -}}
app.kubernetes.io/name: {{ include "kseal.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* metadata.labels and metadata.annotations; .more and .moreAnnotations are the object's own. */}}
{{- define "kseal.metadata" -}}
{{- $own := include "kseal.selector" .root | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "app.kubernetes.io/version" .root.Chart.AppVersion -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
labels:
  {{- merge $own (default dict .more) .root.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge dict (default dict .moreAnnotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kseal.image" -}}
{{- with .Values.image }}
{{- $name := empty .registry | ternary .repository (printf "%s/%s" .registry .repository) }}
{{- if .digest }}
{{- printf "%s@%s" $name .digest }}
{{- else }}
{{- printf "%s:%s" $name (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* One argument, unless its value says nothing. A number of a values file may have become a float on its way. */}}
{{- define "kseal.argument" -}}
{{- $value := .value | toString }}
{{- if and (kindIs "float64" .value) (eq (floor .value) .value) }}{{ $value = .value | int64 | toString }}{{ end }}
{{- if not (or (kindIs "invalid" .value) (eq $value "")) }}
- {{ printf "--%s=%s" .flag $value | quote }}
{{- end }}
{{- end }}

{{- /* k=v,k=v in the order of the keys. */}}
{{- define "kseal.pairs" -}}
{{- $pairs := list }}
{{- range $key, $value := . }}{{ $pairs = append $pairs (printf "%s=%s" $key ($value | toString)) }}{{ end }}
{{- join "," $pairs }}
{{- end }}

{{- define "kseal.arguments" -}}
{{- with .Values }}
{{- include "kseal.argument" (dict "flag" "components" "value" "sealed") }}
{{- include "kseal.argument" (dict "flag" "key-prefix" "value" .secretName) }}
{{- include "kseal.argument" (dict "flag" "update-status" "value" .updateStatus) }}
{{- if .skipRecreate }}{{ include "kseal.argument" (dict "flag" "skip-recreate" "value" true) }}{{ end }}
{{- include "kseal.argument" (dict "flag" "key-renew-period" "value" .keyrenewperiod) }}
{{- include "kseal.argument" (dict "flag" "key-ttl" "value" .keyttl) }}
{{- include "kseal.argument" (dict "flag" "key-cutoff-time" "value" .keycutofftime) }}
{{- include "kseal.argument" (dict "flag" "rate-limit" "value" .rateLimit) }}
{{- include "kseal.argument" (dict "flag" "rate-limit-burst" "value" .rateLimitBurst) }}
{{- include "kseal.argument" (dict "flag" "additional-namespaces" "value" (join "," .additionalNamespaces)) }}
{{- if and .rbac.create (not .rbac.clusterRole) (not .additionalNamespaces) }}
{{- include "kseal.argument" (dict "flag" "all-namespaces" "value" false) }}
{{- end }}
{{- include "kseal.argument" (dict "flag" "privatekey-annotations" "value" (include "kseal.pairs" .privateKeyAnnotations)) }}
{{- include "kseal.argument" (dict "flag" "privatekey-labels" "value" (include "kseal.pairs" .privateKeyLabels)) }}
{{- include "kseal.argument" (dict "flag" "wrap-keys-with" "value" (join "," .wrapKeysWith)) }}
{{- if .ageIdentitySecret }}{{ include "kseal.argument" (dict "flag" "age-identity-file" "value" "/etc/kseal/age/identity") }}{{ end }}
{{- include "kseal.argument" (dict "flag" "log-level" "value" .logLevel) }}
{{- include "kseal.argument" (dict "flag" "log-format" "value" .logFormat) }}
{{- include "kseal.argument" (dict "flag" "kubeclient-qps" "value" .kubeClientQPS) }}
{{- include "kseal.argument" (dict "flag" "kubeclient-burst" "value" .kubeClientBurst) }}
{{- include "kseal.argument" (dict "flag" "listen-addr" "value" (printf ":%v" .containerPorts.http)) }}
{{- include "kseal.argument" (dict "flag" "listen-metrics-addr" "value" (printf ":%v" .containerPorts.metrics)) }}
- {{ printf "--certificate-config-map=%s" (.publishCertificate | ternary (printf "%s-certificate" (include "kseal.fullname" $)) "") | quote }}
{{- range .extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kseal.probe" -}}
{{- if .custom }}
{{ .kind }}:
  {{- toYaml .custom | nindent 2 }}
{{- else if .probe.enabled }}
{{ .kind }}:
  httpGet:
    path: {{ .path }}
    port: http
  {{- omit .probe "enabled" | toYaml | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kseal.probes" -}}
{{- with .Values }}
{{- include "kseal.probe" (dict "kind" "livenessProbe" "path" "/healthz" "probe" .livenessProbe "custom" .customLivenessProbe) }}
{{- include "kseal.probe" (dict "kind" "readinessProbe" "path" "/readyz" "probe" .readinessProbe "custom" .customReadinessProbe) }}
{{- include "kseal.probe" (dict "kind" "startupProbe" "path" "/healthz" "probe" .startupProbe "custom" .customStartupProbe) }}
{{- end }}
{{- end }}
