#!/usr/bin/env bash
# Installs the real container clients that the tests drive: Debian packages, then Go programs built from their modules.
# Usage: scripts/install-clients.sh [--no-apt] [all|core|NAME …]   (programs land in $HALLMARK_CLIENTS, default ~/.cache/hallmark/clients)
# Programs that are already there are kept; a program that cannot be built is named at the end, and the exit code is 1.
set -u
BIN=${HALLMARK_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/hallmark/clients}
mkdir -p "$BIN"
CORE="crane regctl oras notation olareg registry3"
EVERYTHING="$CORE cosignv2 cosignv3 notation-1.0.0 podman5 versitygw helm kubernetes-validate promtool"
apt=yes
names=()
for argument in "$@"; do
  case "$argument" in
    --no-apt) apt=no ;;
    --help|-h) sed -n '2,4p' "$0" | sed 's/^# //'; exit 0 ;;
    all) names+=($EVERYTHING) ;;
    core) names+=($CORE) ;;
    *) names+=("$argument") ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=($EVERYTHING)

PACKAGES="skopeo podman netavark buildah umoci gnupg docker-registry jq openssl curl nginx-light redis-server wrk
  docker-compose make python3-venv libgpgme-dev libseccomp-dev pkg-config gcc"
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
install_packages() { # PACKAGE…: those that are missing
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  # Services of the packages are not wanted: the tests start their own on free ports.
  printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null && $sudo chmod +x /usr/sbin/policy-rc.d
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  local status=$?
  $sudo rm -f /usr/sbin/policy-rc.d
  return $status
}

failed=()
if [ "$apt" = yes ] && command -v apt-get >/dev/null; then
  install_packages $PACKAGES || failed+=("debian-packages")
  # With containerd. The tests need root for both and skip them elsewhere.
  install_packages docker.io || echo "no docker.io: docker and containerd are not tried"
fi

get() { # NAME MODULE@VERSION PACKAGE [go build flags]
  local name=$1 module=$2 package=$3
  shift 3
  [ -x "$BIN/$name" ] && return 0
  go mod download "$module" &&
    (cd "$(go env GOMODCACHE)/$module" && CGO_ENABLED=${CGO:-0} go build -buildvcs=false "$@" -o "$BIN/$name.part" "$package") &&
    mv "$BIN/$name.part" "$BIN/$name"
}
modfile() { # NAME MODULE@VERSION: a writable go.mod beside the programs, for modules whose go.sum is not complete
  go mod download "$2" || return 1
  cp "$(go env GOMODCACHE)/$2/go.mod" "$BIN/$1.mod"
  cp "$(go env GOMODCACHE)/$2/go.sum" "$BIN/$1.sum"
  chmod u+w "$BIN/$1".mod "$BIN/$1".sum
}
debian_program() { # PACKAGE NAME: one program out of a package that would also bring a service
  local folder status
  folder=$(mktemp -d)
  (cd "$folder" && { apt-get download -qq "$1" || { $sudo apt-get update -qq && apt-get download -qq "$1"; }; } &&
    dpkg-deb --fsys-tarfile "$1"_*.deb | tar -x "./usr/bin/$2") && install -m 755 "$folder/usr/bin/$2" "$BIN/$2"
  status=$?
  rm -rf "$folder"
  return $status
}
build() {
  case "$1" in
    crane) get crane github.com/google/go-containerregistry@v0.22.1 ./cmd/crane ;;
    regctl) get regctl github.com/regclient/regclient@v0.11.5 ./cmd/regctl ;;
    oras) get oras oras.land/oras@v1.2.3 ./cmd/oras ;;
    notation) get notation github.com/notaryproject/notation@v1.3.2 ./cmd/notation ;;
    olareg) get olareg github.com/olareg/olareg@v0.1.2 ./cmd/olareg ;;
    registry3) get registry3 github.com/distribution/distribution/v3@v3.0.0 ./cmd/registry -mod=mod ;;
    cosignv2) get cosignv2 github.com/sigstore/cosign/v2@v2.6.1 ./cmd/cosign ;;
    cosignv3) get cosignv3 github.com/sigstore/cosign/v3@v3.0.2 ./cmd/cosign ;;
    notation-1.0.0) modfile n100 github.com/notaryproject/notation@v1.0.0 &&
      get notation-1.0.0 github.com/notaryproject/notation@v1.0.0 ./cmd/notation -mod=mod -modfile="$BIN/n100.mod" ;;
    versitygw) get versitygw github.com/versity/versitygw@v1.8.0 ./cmd/versitygw -ldflags='-s -w' ;;
    podman5) modfile podman github.com/containers/podman/v5@v5.6.2 &&
      CGO=1 get podman5 github.com/containers/podman/v5@v5.6.2 ./cmd/podman -mod=mod -modfile="$BIN/podman.mod" \
        -tags 'exclude_graphdriver_btrfs seccomp' ;;
    helm) GOBIN=$BIN CGO_ENABLED=0 go install helm.sh/helm/v4/cmd/helm@v4.3.1 ;;
    kubernetes-validate) python3 -m venv "$BIN/kubernetes" && "$BIN/kubernetes/bin/pip" install -q kubernetes-validate==1.37.0 &&
      ln -sf kubernetes/bin/kubernetes-validate "$BIN/kubernetes-validate" ;;
    promtool) debian_program prometheus promtool ;;
    *) echo "unknown client '$1': choose from $EVERYTHING" >&2; return 1 ;;
  esac
}
for name in "${names[@]}"; do
  [ -x "$BIN/$name" ] && continue
  echo "building $name"
  build "$name" || failed+=("$name")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "could not install: ${failed[*]}" >&2
  exit 1
fi
echo "all clients are in $BIN"
