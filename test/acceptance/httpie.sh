#!/usr/bin/env bash
# The few words of httpie that documents use: http [METHOD] URL [name=text] [name:=json] [< body], as $HTTP_ACCOUNT. Prints
# the answer's body; ends with 4 or 5 for an answer of that class.
set -euo pipefail

method=''
case "$1" in GET | POST | PUT | PATCH | DELETE) method=$1; shift ;; esac
url=$1
shift
options=(-s -u "$HTTP_ACCOUNT" -w '\n%{http_code}')
if [ $# -gt 0 ]; then
  body='{}'
  for item in "$@"; do
    case "$item" in
      *:=*) body=$(jq -c --arg name "${item%%:=*}" --argjson value "${item#*:=}" '.[$name] = $value' <<<"$body") ;;
      *) body=$(jq -c --arg name "${item%%=*}" --arg value "${item#*=}" '.[$name] = $value' <<<"$body") ;;
    esac
  done
  options+=(-X "${method:-POST}" -H 'Content-Type: application/json' --data-binary "$body")
elif [ -f /dev/stdin ]; then
  options+=(-X "${method:-POST}" -H 'Content-Type: application/json' --data-binary @-)
else
  options+=(-X "${method:-GET}")
fi
answer=$(curl "${options[@]}" "$url")
printf '%s\n' "${answer%$'\n'*}"
case "${answer##*$'\n'}" in 2* | 3*) ;; *) exit "$(cut -c 1 <<<"${answer##*$'\n'}")" ;; esac
