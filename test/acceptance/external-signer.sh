#!/usr/bin/env bash
# A plugin of notation (contract 1.0) that signs with the RSA key of $EXTERNAL_PRIVATE_KEY and answers with the
# certificates of $EXTERNAL_CERT_CHAIN.
set -euo pipefail

request=$(cat)
bits() { openssl pkey -in "$EXTERNAL_PRIVATE_KEY" -noout -text | sed -n '1s/[^0-9]*\([0-9]*\) bit.*/\1/p'; }

case "$1" in
  get-plugin-metadata)
    echo '{"name":"external-signer","description":"signs with a key file","version":"0.1.0","url":"https://example.com","supportedContractVersions":["1.0"],"capabilities":["SIGNATURE_GENERATOR.RAW"]}'
    ;;
  describe-key) jq -c --arg spec "RSA-$(bits)" '{keyId, keySpec: $spec}' <<<"$request" ;;
  generate-signature)
    hash=$(jq -r .hashAlgorithm <<<"$request")
    signature=$(jq -r .payload <<<"$request" | base64 -d |
      openssl dgst "-${hash/-/}" -sign "$EXTERNAL_PRIVATE_KEY" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest |
      base64 -w 0)
    chain=$(tr -d '\n\r' <"$EXTERNAL_CERT_CHAIN" | sed 's/-----END CERTIFICATE-----/\n/g' |
      sed -n 's/.*-----BEGIN CERTIFICATE-----//p' | jq -R . | jq -cs .)
    jq -c --arg signature "$signature" --arg algorithm "RSASSA-PSS-$hash" --argjson chain "$chain" \
      '{keyId, signature: $signature, signingAlgorithm: $algorithm, certificateChain: $chain}' <<<"$request"
    ;;
  *) echo '{"errorCode":"VALIDATION_ERROR","errorMessage":"unknown command"}' >&2; exit 1 ;;
esac
