{{/* The name that every object starts with. */}}
{{- define "parley.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a part: (list $ "gateway"). */}}
{{- define "parley.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object of a part. */}}
{{- define "parley.labels" -}}
{{- $root := index . 0 -}}
{{ include "parley.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | quote }}
{{- end -}}

{{/* The image of a part. */}}
{{- define "parley.image" -}}
{{- $root := index . 0 -}}
{{- $part := index $root.Values (index . 1) -}}
{{- with $root.Values.image.registry }}{{ . }}/{{ end -}}
{{ $part.image }}:{{ default $root.Chart.AppVersion $root.Values.image.tag }}
{{- end -}}

{{/* One NATS login as environment: (list $ "journal" "PARLEY_JOURNAL_NATS"). */}}
{{- define "parley.login" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $name := index . 2 -}}
{{- $nats := $root.Values.nats -}}
- name: {{ $name }}
  {{- if $nats.urlSecret }}
  valueFrom:
    secretKeyRef:
      name: {{ $nats.urlSecret }}
      key: {{ $role }}
  {{- else }}
  value: {{ required "nats.url or nats.urlSecret is needed" $nats.url | quote }}
  {{- end }}
{{- if $nats.credsSecret }}
- name: {{ $name }}_CREDS
  value: /etc/parley/creds/{{ $role }}.creds
{{- end }}
{{- if $nats.caSecret }}
- name: {{ $name }}_CA
  value: /etc/parley/ca/ca.crt
{{- end }}
{{- end -}}

{{/* Volumes for what NATS logins need: (list $ "gateway"), with the roles of the part's files. */}}
{{- define "parley.volumes" -}}
{{- $root := index . 0 -}}
{{- $roles := rest . -}}
{{- with $root.Values.nats.caSecret }}
- name: ca
  secret:
    secretName: {{ . }}
    items: [{ key: ca.crt, path: ca.crt }]
{{- end }}
{{- with $root.Values.nats.credsSecret }}
- name: creds
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      {{- range $roles }}
      - { key: {{ . }}.creds, path: {{ . }}.creds }
      {{- end }}
{{- end }}
{{- end -}}

{{- define "parley.mounts" -}}
{{- if .Values.nats.caSecret }}
- { name: ca, mountPath: /etc/parley/ca, readOnly: true }
{{- end }}
{{- if .Values.nats.credsSecret }}
- { name: creds, mountPath: /etc/parley/creds, readOnly: true }
{{- end }}
{{- end -}}

{{/* What every pod's specification has: (list $ "gateway"). */}}
{{- define "parley.pod" -}}
{{- $root := index . 0 -}}
{{- $part := index $root.Values (index . 1) -}}
serviceAccountName: {{ include "parley.fullname" $root }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: { type: RuntimeDefault }
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "parley.selector" $ | nindent 8 }}
  {{- end }}
{{- with $part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What every container has. */}}
{{- define "parley.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
startupProbe:
  httpGet: { path: /healthz, port: ops }
  periodSeconds: 1
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /healthz, port: ops }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: ops }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* Settings that both parts have. */}}
{{- define "parley.env" -}}
- { name: PARLEY_PREFIX, value: {{ .Values.prefix | quote }} }
- { name: PARLEY_LOG_LEVEL, value: {{ .Values.log.level | quote }} }
- { name: PARLEY_LOG_FORMAT, value: {{ .Values.log.format | quote }} }
- { name: PARLEY_OPS_LISTEN, value: ":9090" }
{{- end -}}

{{/* More environment, from a map. */}}
{{- define "parley.moreEnv" -}}
{{- range $name, $value := . }}
- { name: {{ $name }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- end -}}

{{/* The Secret that gateways and TURN servers share. */}}
{{- define "parley.turnSecret" -}}
{{- if .Values.gateway.ice.secret -}}
{{- if and .Values.turn.enabled (ne .Values.turn.secret .Values.gateway.ice.secret) -}}
{{- fail "gateway.ice.secret and turn.secret are to be the same: all TURN servers share one secret" -}}
{{- end -}}
{{ .Values.gateway.ice.secret }}
{{- else if .Values.turn.enabled -}}
{{ .Values.turn.secret }}
{{- end -}}
{{- end -}}

{{/* What clients are told of STUN and TURN servers, as the gateways' environment. */}}
{{- define "parley.ice" -}}
{{- $ice := .Values.gateway.ice -}}
{{- $stun := $ice.stun -}}
{{- $turn := $ice.turn -}}
{{- with .Values.turn -}}
{{- if .enabled -}}
{{- $at := printf "%s:%d" .publicAddress (int .port) -}}
{{- $stun = append $stun (printf "stun:%s" $at) -}}
{{- $turn = concat $turn (list (printf "turn:%s?transport=udp" $at) (printf "turn:%s?transport=tcp" $at)) -}}
{{- if .tls.secret -}}
{{- $turn = append $turn (printf "turns:%s:%d?transport=tcp" .tls.host (int .port)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $stun }}
- { name: PARLEY_STUN, value: {{ join "," . | quote }} }
{{- end }}
{{- with $turn }}
- { name: PARLEY_TURN, value: {{ join "," . | quote }} }
- { name: PARLEY_TURN_SECRET_FILE, value: /etc/parley/turn/secret }
- { name: PARLEY_TURN_TTL, value: "{{ $ice.ttlSeconds }}s" }
{{- end }}
{{- end -}}
