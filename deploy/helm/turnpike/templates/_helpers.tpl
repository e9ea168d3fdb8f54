{{- define "turnpike.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "turnpike.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "turnpike.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "turnpike.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "turnpike.selector" -}}
app.kubernetes.io/name: {{ include "turnpike.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end -}}

{{- define "turnpike.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "turnpike.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "turnpike.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "turnpike.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "turnpike.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "turnpike.secret" -}}
{{- .Values.secret.existing | default (include "turnpike.fullname" .) -}}
{{- end -}}

{{- define "turnpike.ownSecret" -}}
{{- if not (or .Values.secret.existing .Values.externalSecret.enabled) -}}yes{{- end -}}
{{- end -}}

{{- define "turnpike.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "turnpike.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "turnpike.check" -}}
{{- if and (not .Values.database.external) (or .Values.autoscaling.enabled (gt (int .Values.replicas) 1)) -}}
{{- fail "database.external is false: SQLite is one gateway's own. Set autoscaling.enabled=false and replicas=1, or give a PostgreSQL" -}}
{{- end -}}
{{- if and .Values.persistence.enabled .Values.database.external -}}
{{- fail "persistence is for SQLite: set database.external=false, or leave it out" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.min) (int .Values.autoscaling.max)) -}}
{{- fail "autoscaling.min is greater than autoscaling.max" -}}
{{- end -}}
{{- if and .Values.externalSecret.enabled (not .Values.externalSecret.remoteKeys) -}}
{{- fail "externalSecret.remoteKeys is missing: the names of the secrets in AWS Secrets Manager" -}}
{{- end -}}
{{- if and .Values.externalSecret.enabled .Values.secret.existing -}}
{{- fail "externalSecret makes the secret, secret.existing says that it is there: keep one" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs is missing: the Gateway the route belongs to" -}}
{{- end -}}
{{- $server := .Values.config.server | default dict -}}
{{- $auth := .Values.config.auth | default dict -}}
{{- if and $auth.oidc (not $server.public_url) -}}
{{- fail "config.auth.oidc needs config.server.public_url: where people are sent back to" -}}
{{- end -}}
{{- end -}}
