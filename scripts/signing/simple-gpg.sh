#!/usr/bin/env bash
# Simple signing with gpg alone: writes the payload that skopeo and podman expect, and signs it inline.
# A key with a passphrase: passphrase.txt (mode 0600) beside this script, or SIGNING_PASSPHRASE_FILE names it.
# Manifests of Docker's schema 1 are signed with skopeo only.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
passphrase="${SIGNING_PASSPHRASE_FILE:-$here/passphrase.txt}"
options=(--batch --yes --no-tty --pinentry-mode loopback)
if [ -f "$passphrase" ]; then options+=(--passphrase-file "$passphrase"); else options+=(--passphrase ''); fi

digest="sha256:$(sha256sum "$1" | cut -d ' ' -f 1)"
printf '{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"%s"},"type":"atomic container signature"},"optional":{"creator":"simple-gpg.sh","timestamp":%s}}' \
  "$REFERENCE" "$digest" "$(date +%s)" |
  gpg "${options[@]}" --local-user "$PULP_SIGNING_KEY_FINGERPRINT" --sign --output "$SIG_PATH"
printf '{"signature_path": "%s"}\n' "$SIG_PATH"
