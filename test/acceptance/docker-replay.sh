#!/usr/bin/env bash
# What docker does in these documents, without a daemon: pull (makes an image instead of fetching one), tag, push with the
# requests that dockerd sends, and "generate manifest". Images live under $DOCKER_IMAGES.
set -euo pipefail

images="${DOCKER_IMAGES:-$HOME/docker-images}"
# A name without a tag means latest.
folder() {
  local name=$1
  case "${name##*/}" in *:*) ;; *) name="$name:latest" ;; esac
  echo "$images/$name"
}
sha() { sha256sum "$1" | cut -d ' ' -f 1; }

make_image() {
  local at=$1
  mkdir -p "$at/root/bin"
  head -c 900000 /dev/urandom >"$at/root/bin/busybox"
  tar -C "$at/root" -cf "$at/layer.tar" bin
  gzip -n -c "$at/layer.tar" >"$at/layer"
  # As long as busybox's own configuration: its size has four digits.
  jq -nc --arg diff "sha256:$(sha "$at/layer.tar")" --arg pad "$(printf '%01000d' 0)" \
    '{architecture: "amd64", os: "linux", config: {Cmd: ["sh"], Labels: {pad: $pad}}, rootfs: {type: "layers", diff_ids: [$diff]}}' \
    >"$at/config"
  printf '{\n   "schemaVersion": 2,\n   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",\n   "config": {\n      "mediaType": "application/vnd.docker.container.image.v1+json",\n      "size": %s,\n      "digest": "sha256:%s"\n   },\n   "layers": [\n      {\n         "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",\n         "size": %s,\n         "digest": "sha256:%s"\n      }\n   ]\n}' \
    "$(wc -c <"$at/config")" "$(sha "$at/config")" "$(wc -c <"$at/layer")" "$(sha "$at/layer")" >"$at/manifest"
}

# The ping of dockerd, which takes a server without this header for a registry of version 1; then its token for nobody.
auth=()
authorize() { # HOST NAME
  local answer realm service token
  answer=$(curl -s -D - -o /dev/null "http://$1/v2/" | tr -d '\r')
  grep -qi '^Docker-Distribution-Api-Version: registry/2.0' <<<"$answer" || { echo "http://$1/v2/ is no registry" >&2; exit 1; }
  realm=$(sed -n 's/^WWW-Authenticate: Bearer realm="\([^"]*\)".*/\1/p' <<<"$answer")
  service=$(sed -n 's/^WWW-Authenticate: Bearer .*service="\([^"]*\)".*/\1/p' <<<"$answer")
  [ -n "$realm" ] || return 0
  token=$(curl -sf "$realm?service=$service&scope=repository:$2:pull,push" | jq -r .token)
  auth=(-H "Authorization: Bearer $token")
}

push_blob() { # URL FILE, the way dockerd does: HEAD, POST, PATCH in one stream, PUT, HEAD
  local digest="sha256:$(sha "$2")" location status
  status=$(curl -s "${auth[@]}" -o /dev/null -w '%{http_code}' -I "$1/blobs/$digest")
  [ "$status" = 200 ] && return
  location=$(curl -sf "${auth[@]}" -X POST -D - -o /dev/null -H 'Content-Length: 0' "$1/blobs/uploads/" | sed -n 's/^Location: //p' | tr -d '\r')
  location=$(curl -sf "${auth[@]}" -X PATCH -D - -o /dev/null -H 'Transfer-Encoding: chunked' -H 'Expect:' --data-binary @"$2" "$location" |
    sed -n 's/^Location: //p' | tr -d '\r')
  case "$location" in *\?*) location="$location&digest=$digest" ;; *) location="$location?digest=$digest" ;; esac
  curl -sf "${auth[@]}" -X PUT -o /dev/null -H 'Content-Length: 0' "$location"
  curl -sf "${auth[@]}" -o /dev/null -I "$1/blobs/$digest"
}

case "$1" in
  pull) at=$(folder "$2"); [ -f "$at/manifest" ] || make_image "$at" ;;
  tag) mkdir -p "$(folder "$3")" && cp -r "$(folder "$2")/." "$(folder "$3")" ;;
  push)
    at=$(folder "$2")
    reference=${at#"$images/"}
    host=${reference%%/*} path=${reference#*/}
    name=${path%:*} tag=${path##*:}
    authorize "$host" "$name"
    for file in layer config; do push_blob "http://$host/v2/$name" "$at/$file"; done
    curl -sf "${auth[@]}" -X PUT -o /dev/null -H 'Content-Type: application/vnd.docker.distribution.manifest.v2+json' \
      --data-binary @"$at/manifest" "http://$host/v2/$name/manifests/$tag"
    echo "$tag: digest: sha256:$(sha "$at/manifest") size: $(wc -c <"$at/manifest")"
    ;;
  generate) cat "$(folder "$3")/manifest" ;;
  *) echo "docker $1 is not replayed" >&2; exit 2 ;;
esac
