#!/usr/bin/env bash
# Builds the Dockerfile and runs what came out, with buildah alone: no container engine, no registry of images.
# Usage, as root, with debootstrap, buildah and PostgreSQL from Debian: scripts/try-image.sh [FOLDER]
# A Debian with the Node of this checkout stands in for the official image of Node. FOLDER (default: one under the
# temporary folder) keeps it and the layers for the next time; every port is on 127.0.0.1.
# Each process started in the background leads a group of its own, so that what it starts ends with it.
set -euo pipefail -m

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="$(mkdir -p "${1:-${TMPDIR:-/tmp}/hallmark-image}" && cd "${1:-${TMPDIR:-/tmp}/hallmark-image}" && pwd)"
say() { printf '\n== %s\n' "$*"; }
fail() { echo "$*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || fail "$1 is missing: apt-get install $1"; }
need buildah
need curl
[ "$(id -u)" = 0 ] || fail "buildah needs root for chroot isolation"
initdb="$(command -v initdb || ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1)"
[ -n "$initdb" ] || fail "initdb is missing: apt-get install postgresql"
postgres="$(dirname "$initdb")"

with_buildah() { # COMMAND …
  buildah --root "$folder/storage" --runroot "$folder/run" --storage-driver "${STORAGE_DRIVER:-overlay}" "$@"
}

if ! with_buildah inspect --type image hallmark-node >/dev/null 2>&1; then
  say "a Debian with Node and npm"
  need debootstrap
  rm -rf "$folder/base"
  mkdir -p "$folder/base"
  debootstrap --variant=minbase bookworm "$folder/base/debian" >"$folder/debootstrap.log" 2>&1 ||
    fail "debootstrap failed: $folder/debootstrap.log says why"
  local="$folder/base/debian/usr/local"
  mkdir -p "$local/lib/node_modules"
  install -m 755 "$(cd "$root" && node -e "import('./scripts/set-up.mjs').then(({ runtime }) => console.log(runtime()))")" "$local/bin/node"
  cp -rL "$(npm root --global)/npm" "$local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$local/bin/npm"
  # The authorities that this machine trusts, for package registries behind a proxy.
  cp -L /etc/ssl/certs/ca-certificates.crt "$local/share/authorities.crt"
  chroot "$folder/base/debian" sh -c 'groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node'
  printf 'FROM scratch\nADD debian /\nENV NODE_EXTRA_CA_CERTS=/usr/local/share/authorities.crt\nCMD ["node"]\n' >"$folder/base/Dockerfile"
  with_buildah bud --isolation chroot --tag hallmark-node "$folder/base"
  rm -rf "$folder/base"
fi

say "the image"
with_buildah bud --isolation chroot --layers --pull-never --build-arg NODE_IMAGE=localhost/hallmark-node --tag hallmark:local "$root"

container="$(with_buildah from hallmark:local)"
processes=()
clean() {
  for process in "${processes[@]}"; do kill -- "-$process" 2>/dev/null && wait "$process" || true; done
  su nobody -s /bin/sh -c "'$postgres/pg_ctl' -D '$folder/postgres/data' -m immediate stop" >/dev/null 2>&1 || true
  rm -rf "$folder/postgres" "$folder/data"
  with_buildah rm "$container" >/dev/null
}
trap clean EXIT
inside() { # [NAME=VALUE …] -- COMMAND …: as the image's own user
  local settings=()
  while [ "$1" != -- ]; do settings+=(--env "$1"); shift; done
  with_buildah run --isolation chroot --user node --volume "$folder/data:/var/lib/hallmark" "${settings[@]}" "$container" "$@" </dev/null
}

say "a PostgreSQL, and the commands of the image on it"
port="${PORT:-34814}"
install -d -o 1000 -g 1000 "$folder/data"
install -d -o nobody -m 700 "$folder/postgres"
chmod 755 "$folder"
as_nobody() { su nobody -s /bin/sh -c "cd / && $1" >"$folder/postgres.log" 2>&1 || fail "$(cat "$folder/postgres.log")"; }
as_nobody "'$postgres/initdb' -D '$folder/postgres/data' -A trust -U hallmark"
as_nobody "'$postgres/pg_ctl' -D '$folder/postgres/data' -w -l '$folder/postgres/log' start \
  -o '-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder/postgres'"
settings=(
  "DATABASE_URL=postgres://hallmark@127.0.0.1:$port/postgres"
  HALLMARK_HOST=127.0.0.1
  "HALLMARK_PUBLIC_URL=http://127.0.0.1:$((port + 3))"
)
inside "${settings[@]}" HALLMARK_ADMIN_PASSWORD=try-image -- hallmark migrate
number=1
for app in api registry worker standalone; do
  number=$((number + 1))
  inside "${settings[@]}" "HALLMARK_PORT=$((port + number))" -- tini -- node --enable-source-maps "dist/apps/$app/main.js" \
    >"$folder/$app.log" 2>&1 &
  processes+=($!)
  for _ in $(seq 300); do
    inside "HALLMARK_PORT=$((port + number))" -- node deploy/healthcheck.mjs 2>/dev/null && break
    kill -0 $! 2>/dev/null || fail "$app ended: $(cat "$folder/$app.log")"
    sleep 1
  done
  curl -sf "http://127.0.0.1:$((port + number))/readyz" >/dev/null || fail "$app is not ready: $(cat "$folder/$app.log")"
  echo "$app is ready, and its health check says so"
done
inside "${settings[@]}" -- hallmark doctor
inside "${settings[@]}" -- sh -ec '
  export GNUPGHOME=/tmp/keys
  mkdir -m 700 $GNUPGHOME
  gpg --batch --quiet --pinentry-mode loopback --passphrase "" --quick-generate-key try@example.com rsa2048 sign never
  key=$(gpg --batch --with-colons --list-keys | grep "^fpr" | cut -d : -f 10)
  openssl ecparam -name prime256v1 -genkey -noout -out /tmp/cosign.pem
  openssl ec -in /tmp/cosign.pem -pubout -out /tmp/cosign.pub
  for sample in simple-gpg simple-skopeo; do
    hallmark add-signing-service $sample /app/scripts/signing/$sample.sh $key
  done
  hallmark add-signing-service cosign /app/scripts/signing/cosign-openssl.sh /tmp/cosign.pub \
    --class container:CosignSigningService --env SIGNING_KEY=/tmp/cosign.pem
  gpgconf --kill all'
say "it works"
