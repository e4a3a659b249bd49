#!/usr/bin/env bash
# Notation signatures (JWS) with openssl and jq alone: the envelope is put together here.
# Beside this script: key.pem, an RSA private key of 2048, 3072 or 4096 bits (mode 0600), and chain.pem, its certificate
# and those above it; or SIGNING_KEY and SIGNING_CERTIFICATES name them.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
key="${SIGNING_KEY:-$here/key.pem}"
chain="${SIGNING_CERTIFICATES:-$here/chain.pem}"

base64url() { base64 -w 0 | tr '+/' '-_' | tr -d '='; }

# The size of the key decides the hash: RSASSA-PSS with SHA-256, -384 or -512.
bits="$(openssl pkey -in "$key" -noout -text | sed -n '1s/[^0-9]*\([0-9][0-9]*\) bit.*/\1/p')"
case "$bits" in
  2048) hash=256 ;;
  3072) hash=384 ;;
  4096) hash=512 ;;
  *) echo "the key must be an RSA key of 2048, 3072 or 4096 bits" >&2; exit 1 ;;
esac

descriptor="$(jq -c '.manifests[0] | {mediaType, digest, size}' "$LAYOUT/index.json")"
payload="$(jq -cn --argjson target "$descriptor" '{targetArtifact: $target}' | tr -d '\n' | base64url)"
protected="$(jq -cn --arg alg "PS$hash" --arg now "$(date -u +%Y-%m-%dT%H:%M:%SZ)" '{
  alg: $alg,
  cty: "application/vnd.cncf.notary.payload.v1+json",
  crit: ["io.cncf.notary.signingScheme"],
  "io.cncf.notary.signingScheme": "notary.x509",
  "io.cncf.notary.signingTime": $now
}' | tr -d '\n' | base64url)"
signature="$(printf '%s.%s' "$protected" "$payload" |
  openssl dgst "-sha$hash" -sign "$key" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest | base64url)"
certificates="$(tr -d '\n\r' <"$chain" | sed 's/-----END CERTIFICATE-----/\n/g' |
  sed -n 's/.*-----BEGIN CERTIFICATE-----//p' | jq -R . | jq -cs .)"

jq -cn --arg payload "$payload" --arg protected "$protected" --arg signature "$signature" \
  --argjson x5c "$certificates" '{
  payload: $payload,
  protected: $protected,
  header: {x5c: $x5c, "io.cncf.notary.signingAgent": "notation-openssl.sh"},
  signature: $signature
}' >"$SIG_PATH"
printf '{"signature_path": "%s"}\n' "$SIG_PATH"
