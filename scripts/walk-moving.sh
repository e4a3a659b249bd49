#!/usr/bin/env bash
# make moving: an image is signed with notation in a CI registry, leaves it as a tarball, and is verified in production.
# Both registries are Hallmarks of this checkout; they go on running until "make clean". Everything is under $MOVING.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
moving="${MOVING:-$root/var/moving}"
ci="127.0.0.1:${CI_PORT:-5002}"
production="127.0.0.1:${PRODUCTION_PORT:-5000}"
tag=1.36.1-glibc

stop() { # NAME: ends the registry that this script started, and no other process that has its number by now
  local file="$moving/$1.pid" pid
  [ -f "$file" ] || return 0
  pid=$(cat "$file")
  if ps -o args= -p "$pid" 2>/dev/null | grep -q 'scripts/start.mjs'; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  fi
  rm -f "$file"
}
clean() {
  stop ci
  stop production
  rm -rf "$moving"
}
if [ "${1:-}" = clean ]; then
  clean
  exit 0
fi

need() {
  local path
  path=$(cd "$root" && node -e "import('./scripts/clients.mjs').then(({ findClient }) => console.log(findClient('$1') ?? ''))")
  [ -n "$path" ] || { echo "$1 is missing: scripts/install-clients.sh $2" >&2; exit 1; }
  ln -s "$path" "$moving/bin/$1"
}
serve() { # NAME ADDRESS
  local log="$moving/$1.log"
  # A second Hallmark on this machine: a folder and a port of its own.
  env -u npm_lifecycle_event HALLMARK_DATA_DIR="$moving/$1" HALLMARK_HOST="${2%:*}" HALLMARK_PORT="${2#*:}" \
    HALLMARK_PUBLIC_URL="http://$2" HALLMARK_ANONYMOUS_PUSH=true HALLMARK_ADMIN_PASSWORD="${HALLMARK_PASSWORD:-moving}" \
    HALLMARK_LOG_LEVEL=warn nohup node "$root/scripts/start.mjs" >"$log" 2>&1 </dev/null &
  echo $! >"$moving/$1.pid"
  for _ in $(seq 3000); do
    grep -q 'Hallmark is at' "$log" && { echo "# $1 registry: $2"; return; }
    kill -0 "$(cat "$moving/$1.pid")" 2>/dev/null || break
    sleep 0.1
  done
  echo "the $1 registry did not start:" >&2
  cat "$log" >&2
  exit 1
}
show() {
  echo "\$ $*"
  "$@"
}

clean
mkdir -p "$moving"/{bin,ci-side,production-side,keys}
for tool in notation oras; do need $tool $tool; done
for tool in openssl jq curl; do need $tool core; done
export PATH="$moving/bin:$PATH" XDG_CONFIG_HOME="$moving/config" DOCKER_CONFIG="$moving/config" DOCKER_IMAGES="$moving/docker"
export EXTERNAL_PRIVATE_KEY="$moving/keys/leaf.key" EXTERNAL_CERT_CHAIN="$moving/keys/chain.crt"
serve ci "$ci"
serve production "$production"

echo '# a root, and a leaf that signs'
cd "$moving/keys"
openssl req -x509 -newkey rsa:4096 -nodes -days 365 -keyout root.key -out root.crt -subj '/O=Notation/CN=Notation Root CA' \
  -addext keyUsage=critical,keyCertSign 2>/dev/null
openssl req -new -newkey rsa:4096 -nodes -keyout leaf.key -out leaf.csr -subj '/C=US/ST=WA/O=Notation/CN=Notation.leaf' 2>/dev/null
printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n' >leaf.ext
openssl x509 -req -in leaf.csr -CA root.crt -CAkey root.key -CAcreateserial -days 365 -extfile leaf.ext -out leaf.crt 2>/dev/null
cat leaf.crt root.crt >chain.crt
install -D "$root/test/acceptance/external-signer.sh" "$XDG_CONFIG_HOME/notation/plugins/external-signer/notation-external-signer"
notation cert add --type ca --store moving root.crt
cat >"$XDG_CONFIG_HOME/notation/trustpolicy.json" <<JSON
{"version": "1.0", "trustPolicies": [{"name": "production", "registryScopes": ["$production/busybox"],
  "signatureVerification": {"level": "strict"}, "trustStores": ["ca:moving"], "trustedIdentities": ["*"]}]}
JSON

echo '# CI: push, sign, export, pack'
cd "$moving/ci-side"
docker="$root/test/acceptance/docker-replay.sh"
"$docker" pull "busybox:$tag"
"$docker" tag "busybox:$tag" "$ci/busybox:$tag"
pushed=$("$docker" push "$ci/busybox:$tag")
echo "$pushed"
digest=$(sed 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/' <<<"$pushed")
show notation sign --id any --plugin external-signer --insecure-registry "$ci/busybox@$digest"
show oras cp --recursive --from-plain-http "$ci/busybox@$digest" --to-oci-layout "busybox:$tag"
show tar -cf busybox.tar busybox

echo '# production: unpack, push, verify'
cp busybox.tar "$moving/production-side"
cd "$moving/production-side"
show tar -xf busybox.tar
show oras cp --recursive --from-oci-layout "busybox:$tag" --to-plain-http "$production/busybox:$tag"
show notation verify --insecure-registry "$production/busybox@$digest"
show notation inspect --insecure-registry "$production/busybox@$digest"

echo '# the same facts from the server, which trusts the same root and policy'
jq -n --arg reference "$production/busybox@$digest" --rawfile root "$moving/keys/root.crt" \
  --slurpfile policy "$XDG_CONFIG_HOME/notation/trustpolicy.json" \
  '{reference: $reference, trust: {trust_stores: {"ca:moving": [$root]}, notation_trust_policy: $policy[0]}}' >verify.json
curl -sf -u "admin:${HALLMARK_PASSWORD:-moving}" -H 'Content-Type: application/json' -d @verify.json \
  "http://$production/pulp/api/v3/verify/" >report.json
jq '{verified, signatures: [.signatures[] | {outcome, scheme, checks: [.checks[] | {name, result}]}]}' report.json
[ "$(jq .verified report.json)" = true ]
echo "Moved. Both registries are running; 'make clean' stops them."
