#!/bin/sh
# Installs pulp-cli and the published Python bindings into .cache/pulp-venv, once.
set -eu
cd "$(dirname "$0")/.."
venv=.cache/pulp-venv
[ -x "$venv/bin/pulp" ] && [ -e "$venv/.complete" ] && exit 0
rm -rf "$venv"
mkdir -p .cache
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check pulp-cli pulp-container-client pulpcore-client
touch "$venv/.complete"
