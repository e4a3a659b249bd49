#!/usr/bin/env bash
# Simple signing with skopeo and a key that has a passphrase.
# Beside this script: passphrase.txt (mode 0600), which holds the passphrase; or SIGNING_PASSPHRASE_FILE names it.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

skopeo standalone-sign "$1" "$REFERENCE" "$PULP_SIGNING_KEY_FINGERPRINT" \
  --passphrase-file "${SIGNING_PASSPHRASE_FILE:-$here/passphrase.txt}" --output "$SIG_PATH" >&2
printf '{"signature_path": "%s"}\n' "$SIG_PATH"
