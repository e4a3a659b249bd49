#!/usr/bin/env bash
# Cosign signatures as sigstore bundles, with cosign 2.6 or later and a key file; nothing leaves this machine.
# Beside this script: cosign.key and, when it has one, its password in cosign.password (both mode 0600);
# or COSIGN_KEY and COSIGN_PASSWORD_FILE name them. COSIGN names another program than cosign.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cosign="${COSIGN:-cosign}"
password="${COSIGN_PASSWORD_FILE:-$here/cosign.password}"
COSIGN_PASSWORD=''
if [ -f "$password" ]; then COSIGN_PASSWORD="$(cat "$password")"; fi
export COSIGN_PASSWORD

"$cosign" attest-blob --statement "$PAYLOAD" --key "${COSIGN_KEY:-$here/cosign.key}" --bundle "$SIG_PATH" \
  --new-bundle-format --use-signing-config=false --tlog-upload=false --yes >&2
printf '{"signature_path": "%s"}\n' "$SIG_PATH"
