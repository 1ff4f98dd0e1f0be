#!/usr/bin/env bash
# The container's story: the Dockerfile is built, and the image does for an operator what the documents say: hot folders on
# mounted volumes, routes changed by an edit and a HUP, health, a clean stop. A line a check; exit 0, 1, or 77: skipped, with the reason.
# shellcheck disable=SC2016,SC2317  # commands for the image's shell; functions that check and within call by name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. test/container/engine.sh

image=shunt:story
name=shunt-story-$$
work=$(mktemp -d)
data=$work/data etc=$work/etc
failed=0

skip() { echo "skipped: $*"; exit 77; }

clean_up() {
    podman rm --force --time 0 "$name" >/dev/null 2>&1 || true
    rm -rf "$work"
    engine_stop story
}

# check TEXT COMMAND...
check() {
    if "${@:2}"; then
        echo "ok - $1"
    else
        echo "FAIL - $1"
        failed=1
    fi
}

# must: a check without which the others mean nothing.
must() {
    check "$@"
    ((failed == 0)) || { service_log; exit 1; }
}

service_log() { podman logs "$name" 2>&1 | tail -n 60; }

# quiet COMMAND...: what it says only matters when it fails.
quiet() {
    "$@" >"$work/quiet.log" 2>&1 || { cat "$work/quiet.log"; return 1; }
}

# within SECONDS COMMAND...: until it succeeds.
within() {
    local end=$((SECONDS + $1))
    until "${@:2}"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# drop CLIENT CATEGORY NAME: as a producer on the host does it.
drop() {
    mkdir -p "$data/PRODUCTION/JSON/$1"
    chmod 0777 "$data/PRODUCTION/JSON/$1"
    printf '{"JobSpecification": {"JobDetails": {"ClientCode": "%s", "JobCategory": "%s", "Title": "Été"}}}\n' "$1" "$2" >"$work/$3"
    cp "$work/$3" "$data/$3.tmp"
    mv "$data/$3.tmp" "$data/PRODUCTION/JSON/$1/$3"
}

# holds NAME FOLDER...: the dropped bytes are in each of these folders.
holds() {
    local folder
    for folder in "${@:2}"; do
        cmp -s "$work/$1" "$data/PRODUCTION/$folder/$1" || return 1
    done
}

taken() { [ ! -e "$data/PRODUCTION/JSON/$1" ]; }
logged() { podman logs "$name" 2>&1 | grep -q -- "$1"; }
healthy() { podman healthcheck run "$name" >/dev/null 2>&1; }
in_image() { podman run --rm --no-healthcheck --entrypoint sh "$image" -c "$1"; }
stopped_with() { [ "$(podman inspect --format '{{.State.ExitCode}}' "$name")" = "$1" ]; }
no_leftovers() { [ -z "$(find "$data" -path '*/JSON_PARSER_LOGS' -prune -o -type f \( -name '.*' -o -path '*/underprocess/*' \) -print)" ]; }

command -v podman buildah runc >/dev/null || skip "podman, buildah and runc are not installed"
trap clean_up EXIT
engine_start story || skip "podman does not start here"
engine_base || skip "no base image is to be had"
refusal=$(podman run --rm "$ENGINE_BASE" true 2>&1) || skip "containers are refused here: $refusal"

if ! engine_build "$image" >"$work/build.log" 2>&1; then
    tail -n 40 "$work/build.log"
    echo "FAIL - the Dockerfile builds"
    exit 1
fi
echo "ok - the Dockerfile builds"
check "the image has neither compiler nor build tools" in_image '! command -v gcc && ! command -v cc && ! command -v cmake && ! command -v ninja'
check "it knows whom to trust: mail servers and webhooks have certificates" in_image '[ -s /etc/ssl/certs/ca-certificates.crt ]'
check "it runs as a user of its own" in_image '[ "$(id -u)" = 1500 ]'
check "the sample settings and routes are in it and good" quiet podman run --rm --no-healthcheck "$image" check

# Root on the host drops the tickets, user 1500 in the container takes them.
mkdir -p "$data/PRODUCTION/JSON" "$etc"
chmod 0755 "$work"
chmod -R 0777 "$data"
cp etc/shunt.ini etc/routes.ini "$etc"
drop RANK CELTRA early.json
# Without systemd podman says that it cannot run the health check by itself: that is done below.
must "the service starts on a read-only root, without capabilities" quiet podman run --detach --name "$name" --network host \
    --read-only --cap-drop ALL --volume "$data:/data" --volume "$etc:/etc/shunt" "$image"

celtra="SYNC/MAKE/Celtra - Create_Rename - Project_Design File"
must "a ticket that waited for the start is in its three places" within 30 holds early.json JSON_STORE/RANK "SYNC/MAKE/Monday Rank" "$celtra"
drop BISSELL PRODUCTION live.json
check "a ticket dropped on the host is routed" within 30 holds live.json JSON_STORE/BISSELL CLIENT-STORES/BISSELL-WRIKE/IN
check "both are off the hot folders" within 30 eval 'taken RANK/early.json && taken BISSELL/live.json'
check "the health check passes" within 30 healthy

printf '\n[destination newcomer]\npath = SYNC/MAKE/New Comer\n\n[route newcomer]\nclient = NEWCOMER\nto = newcomer\n' >>"$etc/routes.ini"
must "it takes a HUP" quiet podman kill --signal HUP "$name"
check "HUP is answered in the log with what changed" within 15 logged newcomer
drop NEWCOMER PRODUCTION new.json
check "a new client's ticket goes where the new table says" within 30 holds new.json JSON_STORE/NEWCOMER "SYNC/MAKE/New Comer"
check "it is off its hot folder" within 30 taken NEWCOMER/new.json

check "it stops when asked" quiet podman stop --time 30 "$name"
check "stop ends it with exit code 0" stopped_with 0
check "nothing half-done is left" no_leftovers
if ((failed)); then
    service_log
fi
exit "$failed"
