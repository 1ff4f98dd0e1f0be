#!/usr/bin/env bash
# Drops sample tickets into the hot folders below DATA/JSON: every row of the sample routing matrix, and what goes wrong
# in real life. `drop.sh DATA` is what lies there before the service starts; `drop.sh DATA --live` is what producers do
# while it runs: about four seconds of slow writers, renames and rewriting in place.
set -euo pipefail

hot=${1:?usage: drop.sh DATA [--live]}/JSON
number=5903700

# body CLIENT CATEGORY TITLE
body() {
    printf '{"JobSpecification": {"JobDetails": {"ClientCode": "%s", "JobCategory": "%s", "StudioCode": "%s_STUDIO",\n' "$1" "$2" "$1"
    printf '  "Title": "%s"}}}\n' "$3"
}

# ticket CLIENT CATEGORY TITLE: under the next number, whole at once by a rename, as a careful producer does it.
ticket() {
    number=$((number + 1))
    mkdir -p "$hot/$1"
    body "$@" >"$hot/$1/.$number.tmp"
    mv "$hot/$1/.$number.tmp" "$hot/$1/$number.json"
}

# whole_matrix: every client with a category that only its own route takes, and with the one that Celtra takes too.
whole_matrix() {
    local client
    for client in BISSELL LOREAL RECKITTBENCKISER RANK CIBC OLIVER ADIDAS PAYPAL BAYER 3M; do
        ticket "$client" PRODUCTION "$client spring campaign"
        ticket "$client" CELTRA "$client banner set"
    done
    ticket CELTRA PRODUCTION "Design file"
    ticket NEWCLIENT PRODUCTION "A client that no route names: archived only"
    ticket LOREAL PRODUCTION "Été à Paris – 夏のキャンペーン 🌞"
    body RANK PRODUCTION "A name with spaces" >"$hot/RANK/Überblick Frühjahr 2026.json"
}

# bad_ones: each is set aside in JSON_FAILED with its reason; the others do not notice.
bad_ones() {
    mkdir -p "$hot"/{RANK,ADIDAS,BAYER,RECKITTBENCKISER}
    printf '{"JobSpecification": {"JobDetails": {"ClientCode": "RANK",,}}}\n' >"$hot/RANK/broken.json"
    printf '{"JobSpecification": {"JobDetails": {"ClientCode": "RANK", "JobCat' >"$hot/RANK/cut-short.json"
    printf '{"JobSpecification": {"JobDetails": {"JobCategory": "PRODUCTION"}}}\n' >"$hot/BAYER/no-client-code.json"
    body RB PRODUCTION "ClientCode and folder differ" >"$hot/RECKITTBENCKISER/mismatch.json"
    : >"$hot/ADIDAS/empty.json"
}

# slow_writer FILE: opens the file and writes it in pieces over two seconds, its newline last.
slow_writer() {
    {
        printf '{"JobSpecification": {"JobDetails": {'
        sleep 0.7
        printf '"ClientCode": "RANK", "JobCategory": "PRODUCTION", '
        sleep 0.7
        printf '"Title": "Written slowly"}}}'
        sleep 0.6
        printf '\n'
    } >"$1"
}

live() {
    number=5903800
    mkdir -p "$hot"/{RANK,LOREAL}
    slow_writer "$hot/RANK/slow.json" &
    ticket CIBC CELTRA "Dropped while the service runs"
    ticket BISSELL PRODUCTION "Dropped while the service runs"
    sleep 0.5
    ticket LATECOMER PRODUCTION "Its hot folder was made a moment ago"
    # An editor that saves in place: first one version, then another, under the same name.
    body LOREAL PRODUCTION "First version" >"$hot/LOREAL/edited.json"
    sleep 1
    body LOREAL PRODUCTION "Second version" >"$hot/LOREAL/edited.json"
    wait
}

if [ "${2:-}" = --live ]; then
    live
else
    whole_matrix
    bad_ones
fi
