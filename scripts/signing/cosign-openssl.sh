#!/usr/bin/env bash
# Cosign signatures under the sha256-….sig tag with openssl alone.
# Beside this script: key.pem, an ECDSA P-256 or RSA private key (mode 0600), and its passphrase, when it has one, in
# key.passphrase; or SIGNING_KEY and SIGNING_PASSPHRASE_FILE name them.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
passphrase="${SIGNING_PASSPHRASE_FILE:-$here/key.passphrase}"
options=()
if [ -f "$passphrase" ]; then options=(-passin "file:$passphrase"); fi

openssl dgst -sha256 -sign "${SIGNING_KEY:-$here/key.pem}" "${options[@]}" -out "$SIG_PATH" "$PAYLOAD"
printf '{"signature_path": "%s"}\n' "$SIG_PATH"
