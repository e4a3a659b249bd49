#!/usr/bin/env bash
# Notation signatures with notation 1.1 or later, on the prepared OCI image layout; nothing leaves this machine.
# Beside this script: key.pem, a private key in PKCS#8 (mode 0600), and chain.pem, its certificate and those above it;
# or SIGNING_KEY and SIGNING_CERTIFICATES name them. NOTATION names another program than notation.
# SIGNATURE_FORMAT is jws (default) or cose.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# A configuration of its own in the working folder, which is removed after the run.
export XDG_CONFIG_HOME="$PWD/config"
# Signing in a layout is an experiment until notation 2.
export NOTATION_EXPERIMENTAL=1
mkdir -p "$XDG_CONFIG_HOME/notation"
cat >"$XDG_CONFIG_HOME/notation/signingkeys.json" <<JSON
{
  "default": "service",
  "keys": [{
    "name": "service",
    "keyPath": "${SIGNING_KEY:-$here/key.pem}",
    "certPath": "${SIGNING_CERTIFICATES:-$here/chain.pem}"
  }]
}
JSON
"${NOTATION:-notation}" sign --oci-layout --signature-format "${SIGNATURE_FORMAT:-jws}" "$LAYOUT:sign" >&2
printf '{"signature_path": "%s"}\n' "$LAYOUT"
