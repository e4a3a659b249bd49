#!/usr/bin/env bash
# Cosign signatures under the sha256-….sig tag, with cosign 2 or 3 and a key file; nothing leaves this machine.
# Beside this script: cosign.key and, when it has one, its password in cosign.password (both mode 0600);
# or COSIGN_KEY and COSIGN_PASSWORD_FILE name them. COSIGN names another program than cosign.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cosign="${COSIGN:-cosign}"
password="${COSIGN_PASSWORD_FILE:-$here/cosign.password}"
COSIGN_PASSWORD=''
if [ -f "$password" ]; then COSIGN_PASSWORD="$(cat "$password")"; fi
export COSIGN_PASSWORD

options=(--key "${COSIGN_KEY:-$here/cosign.key}" --tlog-upload=false --yes)
# Cosign 3 makes bundles, and asks a service for its configuration, unless it is told not to.
if "$cosign" sign-blob --help 2>&1 | grep -q -- --use-signing-config; then
  options+=(--new-bundle-format=false --use-signing-config=false)
fi
"$cosign" sign-blob "${options[@]}" --output-signature "$SIG_PATH" "$PAYLOAD" >&2
printf '{"signature_path": "%s"}\n' "$SIG_PATH"
