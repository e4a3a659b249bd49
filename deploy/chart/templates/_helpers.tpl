{{- define "hallmark.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "hallmark.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "hallmark.labels" -}}
{{ include "hallmark.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "hallmark.serviceAccount" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "hallmark.name" . -}}
{{- else -}}
default
{{- end -}}
{{- end -}}

{{- define "hallmark.claim" -}}
{{- .Values.storage.file.existingClaim | default (printf "%s-data" (include "hallmark.name" .)) -}}
{{- end -}}

{{- define "hallmark.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{/* Environment of API, registry, worker and migration. */}}
{{- define "hallmark.environment" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef: { name: {{ .Values.secrets.database.name }}, key: {{ .Values.secrets.database.urlKey }} }
{{- if .Values.secrets.database.directUrlKey }}
- name: DATABASE_DIRECT_URL
  valueFrom:
    secretKeyRef: { name: {{ .Values.secrets.database.name }}, key: {{ .Values.secrets.database.directUrlKey }} }
{{- end }}
{{- if .Values.secrets.redis.name }}
- name: REDIS_URL
  valueFrom:
    secretKeyRef: { name: {{ .Values.secrets.redis.name }}, key: {{ .Values.secrets.redis.urlKey }} }
{{- end }}
{{- if and (eq .Values.storage.type "s3") .Values.secrets.s3.name }}
- name: S3_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef: { name: {{ .Values.secrets.s3.name }}, key: {{ .Values.secrets.s3.accessKeyIdKey }} }
- name: S3_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef: { name: {{ .Values.secrets.s3.name }}, key: {{ .Values.secrets.s3.secretAccessKeyKey }} }
{{- end }}
{{- end -}}

{{/* A deployment of one of the processes: root, component, port, and what is special about it. */}}
{{- define "hallmark.process" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .component -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "hallmark.name" $root }}-{{ .component }}
  labels: {{- include "hallmark.labels" . | nindent 4 }}
spec:
  {{- if not (and $root.Values.autoscaling.enabled (eq .component "registry")) }}
  replicas: {{ $values.replicas }}
  {{- end }}
  selector:
    matchLabels: {{- include "hallmark.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "hallmark.labels" . | nindent 8 }}
      annotations:
        checksum/settings: {{ include (print $root.Template.BasePath "/settings.yaml") $root | sha256sum }}
        prometheus.io/scrape: 'true'
        prometheus.io/port: {{ .port | quote }}
    spec:
      serviceAccountName: {{ include "hallmark.serviceAccount" $root }}
      automountServiceAccountToken: false
      # Links to a service named hallmark would look like settings: HALLMARK_PORT=tcp://…
      enableServiceLinks: false
      # Requests and tasks have half a minute to end, and the balancers a moment to notice.
      terminationGracePeriodSeconds: 60
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext: {{- toYaml $root.Values.podSecurityContext | nindent 8 }}
      containers:
        - name: {{ .component }}
          image: {{ include "hallmark.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: ['node', '--enable-source-maps', 'dist/apps/{{ .component }}/main.js']
          ports:
            - { name: http, containerPort: {{ .port }} }
          envFrom:
            - configMapRef: { name: {{ include "hallmark.name" $root }}-settings }
          env:
            - { name: HALLMARK_PORT, value: {{ .port | quote }} }
            {{- if eq .component "api" }}
            # The first of migration job and API makes the account.
            - name: HALLMARK_ADMIN_PASSWORD
              valueFrom:
                secretKeyRef: { name: {{ $root.Values.secrets.admin.name }}, key: {{ $root.Values.secrets.admin.passwordKey }} }
            {{- end }}
            {{- if eq .component "worker" }}
            - { name: HALLMARK_WORKERS, value: {{ $values.tasks | quote }} }
            {{- end }}
            {{- include "hallmark.environment" $root | nindent 12 }}
          # The first start waits for the migration.
          startupProbe:
            httpGet: { path: /livez, port: http }
            periodSeconds: 3
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /livez, port: http }
            periodSeconds: 10
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: http }
            periodSeconds: 5
            timeoutSeconds: 4
          lifecycle:
            preStop:
              exec: { command: ['sleep', '5'] }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: ['ALL'] }
          resources: {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - { name: data, mountPath: /var/lib/hallmark }
            - { name: tmp, mountPath: /tmp }
            {{- if and (eq .component "worker") $root.Values.secrets.signing.name }}
            - { name: signing, mountPath: /etc/hallmark/signing, readOnly: true }
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {}
        - name: data
          {{- if eq $root.Values.storage.type "file" }}
          persistentVolumeClaim: { claimName: {{ include "hallmark.claim" $root }} }
          {{- else }}
          emptyDir: {}
          {{- end }}
        {{- if and (eq .component "worker") $root.Values.secrets.signing.name }}
        - name: signing
          secret: { secretName: {{ $root.Values.secrets.signing.name }}, defaultMode: 360 }
        {{- end }}
      {{- with $root.Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}

{{/* A service in front of one component. */}}
{{- define "hallmark.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "hallmark.name" .root }}-{{ .component }}
  labels: {{- include "hallmark.labels" . | nindent 4 }}
spec:
  selector: {{- include "hallmark.selector" . | nindent 4 }}
  ports:
    - { name: http, port: {{ .port }}, targetPort: http }
{{- end -}}
