#!/usr/bin/env bash
# Everything one does with this tree, each self-contained: it installs what it needs (Debian, Ubuntu), builds, and does it.
#   ./run.sh              a demonstration: sample tickets in ./var, the service in the foreground, Ctrl-C for the summary;
#                         its settings and routes are copies of etc's in ./var, to be edited
#   ./run.sh watch        the same without sample tickets
#   ./run.sh once FILE    one ticket through the service's code, then exit (0 delivered, 1 failed, 2 usage); also: input FILE
#   ./run.sh docker       the container image, with docker or podman
#   ./run.sh test         the whole test suite
#   ./run.sh bench|soak   measurements; hours under load
#   ./run.sh clean        removes ./build and ./var
# SHUNT_SERVICE_DATA=DIR puts the data elsewhere than ./var/PRODUCTION; SKIP_INSTALL=1 installs nothing.
set -euo pipefail
called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"

BUILD_PACKAGES=(cmake gcc libc6-dev ninja-build pkg-config
    libcrypt-dev libcurl4-openssl-dev libgnutls28-dev libinih-dev libjansson-dev libmicrohttpd-dev libsqlite3-dev libuv1-dev libyajl-dev
    nettle-dev uthash-dev zlib1g-dev)
TEST_PACKAGES=(chromium chromium-driver clang clang-format curl e2fsprogs exim4-daemon-light faketime libclang-rt-14-dev libcmocka-dev man-db mandoc
    openssl python3 python3-aiosmtpd python3-jsonschema python3-pytest python3-pytest-xdist python3-selenium strace tzdata util-linux xfsprogs zsh)

logs=build/test-logs
passed=0 failed=0 skipped=0

die() {
    echo "run.sh: $*" >&2
    exit 2
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# need PACKAGE...: installs those that are missing.
need() {
    local package missing=()
    [ -z "${SKIP_INSTALL:-}" ] || return 0
    command -v apt-get dpkg-query >/dev/null ||
        die "this is neither Debian nor Ubuntu: install what these packages hold, then set SKIP_INSTALL=1: $*"
    for package in "$@"; do
        case $(dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null || true) in
            ii*) ;;
            *) missing+=("$package") ;;
        esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        die "packages are missing, and this is neither root nor is there sudo. As root: apt-get install --no-install-recommends ${missing[*]}"
    echo "installing: ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null </dev/null
}

# build PRESET [CMAKE-ARGUMENT...]: quiet, but for what is wrong.
build() {
    local log=build/$1.log
    mkdir -p build
    if ! { cmake --preset "$1" "${@:2}" && cmake --build --preset "$1" --parallel "$(nproc)"; } >"$log" 2>&1; then
        tail -n 30 "$log"
        echo "run.sh: the $1 build failed; all of it: $log" >&2
        return 1
    fi
}

build_release() {
    need "${BUILD_PACKAGES[@]}"
    echo "building"
    build release -DBUILD_TESTING=OFF
}

# The samples are copied: who edits the copies has no changed tree, which the tests would find.
demo_environment() {
    data=$PWD/var/PRODUCTION
    if [ -n "${SHUNT_SERVICE_DATA:-}" ]; then
        data=$(cd "$called_from" && realpath -m -- "$SHUNT_SERVICE_DATA")
        export SHUNT_SERVICE_DATA=$data
    fi
    mkdir -p var "$data/JSON"
    [ -e var/routes.ini ] || cp etc/routes.ini var/
    [ -e var/shunt.ini ] ||
        sed -e 's|^data = .*|data = PRODUCTION|' -e 's|^;format = json|format = text|' etc/shunt.ini >var/shunt.ini
}

# Once the service has begun to take up the samples, producers come and go. Ends by itself when the service does.
drop_live() {
    local service=$1 first=$2
    while kill -0 "$service" 2>/dev/null && [ -e "$first" ]; do
        sleep 0.2
    done
    sleep 1
    ! kill -0 "$service" 2>/dev/null || etc/samples/drop.sh "$data" --live
}

run() {
    build_release
    demo_environment
    if [ "$1" = samples ]; then
        etc/samples/drop.sh "$data"
        # Twice in the background: the service, which takes this shell's place and process id, is not its parent.
        (drop_live $$ "$data/JSON/BISSELL/5903701.json" </dev/null >/dev/null 2>&1 &)
    fi
    echo "data: $data; settings and routes: var/shunt.ini, var/routes.ini; Ctrl-C ends it"
    echo "to ask it, in another terminal: ${SHUNT_SERVICE_DATA:+SHUNT_SERVICE_DATA=${data@Q} }build/release/shunt status -c var/shunt.ini"
    exec build/release/shunt run -c var/shunt.ini
}

once() {
    [ $# -ge 1 ] || die "usage: ./run.sh once FILE..."
    local file files=()
    for file in "$@"; do
        files+=("$(cd "$called_from" && realpath -- "$file")")
    done
    build_release
    demo_environment
    exec build/release/shunt once -c var/shunt.ini "${files[@]}"
}

image_hint() {
    echo "/srv/production must be writable for uid 1500, and /srv/shunt-etc hold shunt.ini and routes.ini (samples: etc/)."
}

docker_image() {
    if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
        docker build --tag shunt .
        echo "built: shunt. Run it with"
        echo "  docker run -d --name shunt -v /srv/production:/data -v /srv/shunt-etc:/etc/shunt shunt"
        image_hint
        return
    fi
    # shellcheck source=test/container/engine.sh
    . test/container/engine.sh
    need "${ENGINE_PACKAGES[@]}"
    if podman build --format docker --tag shunt .; then
        echo "built: shunt. Run it with"
    else
        echo "podman cannot build with the machine's own settings; trying with its own below $ENGINE_DIR"
        engine_start images
        engine_base
        engine_build shunt
        echo "built: shunt, below $ENGINE_DIR. Run it with"
        echo "  export CONTAINERS_CONF=$CONTAINERS_CONF CONTAINERS_STORAGE_CONF=$CONTAINERS_STORAGE_CONF"
    fi
    echo "  podman run -d --name shunt -v /srv/production:/data -v /srv/shunt-etc:/etc/shunt shunt"
    image_hint
}

clean() {
    # shellcheck source=test/container/engine.sh
    . test/container/engine.sh
    local store
    for store in story images; do
        engine_stop "$store" || die "stop them first"
    done
    rm -rf build var
}

bench() {
    [ -e test/bench/bench.py ] || die "test/bench/bench.py is not there"
    need e2fsprogs gcc libc6-dev python3 python3-watchdog strace
    command -v npm >/dev/null || need nodejs npm
    build_release
    SHUNT_BIN=$PWD/build/release/shunt exec /usr/bin/python3 test/bench/bench.py "$@"
}

soak() {
    [ -e test/soak/soak.py ] || die "test/soak/soak.py is not there"
    need clang e2fsprogs faketime libclang-rt-14-dev libcmocka-dev python3 strace tzdata util-linux xfsprogs
    build_release
    SHUNT_BIN=$PWD/build/release/shunt exec /usr/bin/python3 test/soak/soak.py "$@"
}

# The tests. Each part adds to the three numbers.

# attribute NAME FILE: a number of the first <testsuite> of a JUnit file; 0 where there is none.
attribute() {
    tr '\n\t' '  ' <"$2" | grep -o '<testsuite [^>]*>' | sed -n "1s/.* $1=\"\([0-9]*\)\".*/\1/p" | grep . || echo 0
}

# tally FILE STATUS: adds a JUnit file's numbers; a bad status without a failed test is one, too.
tally() {
    local all=0 bad=0 left=0
    if [ -s "$1" ]; then
        all=$(attribute tests "$1")
        bad=$(($(attribute failures "$1") + $(attribute errors "$1")))
        left=$(($(attribute skipped "$1") + $(attribute disabled "$1")))
    fi
    passed=$((passed + all - bad - left))
    if [ "$2" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
    fi
    failed=$((failed + bad))
    skipped=$((skipped + left))
}

heading() {
    printf '\n== %s (%d s)\n' "$1" "$SECONDS"
}

# test_builds: 1 when one of them fails, since nothing after it would mean much.
test_builds() {
    local preset
    heading "build release"
    build release -DBUILD_TESTING=OFF || return
    for preset in clang asan tsan; do
        heading "build $preset"
        build "$preset" || return
    done
}

# Sanitizers of these versions of gcc want their addresses where they have always been.
fixed_addresses() {
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        setarch "$(uname -m)" -R "$@"
    else
        "$@"
    fi
}

test_units() {
    local status=0 junit=$PWD/$logs/unit-$1.xml
    heading "unit tests and corpora, $1"
    fixed_addresses ctest --preset "$1" --parallel "$(nproc)" --output-junit "$junit" >"$logs/unit-$1.log" 2>&1 || status=$?
    grep -vE '^ *(Start|[0-9]+/[0-9]+ .* Passed)' "$logs/unit-$1.log" | tail -n 200 || true
    tally "$junit" "$status"
}

# test_e2e PRESET EXPRESSION [PYTEST-ARGUMENT...]: tests wait more than they compute, so several run at once; those that are
# marked `alone`, some of which lower limits of the whole machine for a moment, come after them.
test_e2e() {
    local junit=$logs/e2e-$1 status=0
    heading "end to end, $1"
    pytest "$1" "($2) and not alone" "$junit.xml" --numprocesses 8 --dist loadgroup "${@:3}" || status=$?
    tally "$junit.xml" "$status"
    status=0
    pytest "$1" "($2) and alone" "$junit-alone.xml" "${@:3}" || status=$?
    [ "$status" = 5 ] || tally "$junit-alone.xml" "$status" # 5: there is none
}
pytest() {
    SHUNT_BIN=$PWD/build/$1/shunt fixed_addresses /usr/bin/python3 -m pytest test/e2e -q -p no:cacheprovider -m "$2" \
        --junitxml="$3" "${@:4}" </dev/null 2>&1 | tee -a "$logs/e2e-$1.log"
}

# Formatting differs from version to version; Debian 12's is the one that counts.
test_format() {
    heading "formatting"
    if ! clang-format --version | grep -q 'version 14\.'; then
        echo "skipped: clang-format is not version 14"
        skipped=$((skipped + 1))
    elif find src include test -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror 2>"$logs/format.log"; then
        passed=$((passed + 1))
    else
        grep -oE '^[^: ]+\.[ch]:' "$logs/format.log" | sort | uniq -c || true
        echo "lines that are not laid out as .clang-format says; to mend: clang-format -i FILE"
        failed=$((failed + 1))
    fi
}

# Of the package prometheus, which is not installed, since that starts a server. Without it two tests are skipped.
get_promtool() {
    local tools=$PWD/build/tools
    export PATH=$PATH:$tools/usr/bin
    if [ -z "${SKIP_INSTALL:-}" ] && ! command -v promtool >/dev/null; then
        mkdir -p "$tools"
        (cd "$tools" && apt-get download -qq prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool) || true
        rm -f "$tools"/prometheus_*.deb
    fi
}

test_container() {
    local status=0 bad
    heading "container"
    . test/container/engine.sh
    (need "${ENGINE_PACKAGES[@]}") || { echo "skipped: the container tools cannot be installed"; skipped=$((skipped + 1)); return; }
    test/container/story.sh </dev/null 2>&1 | tee "$logs/container.log" || status=$?
    passed=$((passed + $(grep -c '^ok - ' "$logs/container.log" || true)))
    bad=$(grep -c '^FAIL - ' "$logs/container.log" || true)
    case $status in
        0) ;;
        77) skipped=$((skipped + 1)) ;;
        *) failed=$((failed + (bad > 0 ? bad : 1))) ;;
    esac
}

test_all() {
    need "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
    get_promtool
    set -E
    trap 'echo "run.sh: broken off in line $LINENO" >&2' ERR
    rm -rf "$logs"
    mkdir -p "$logs"
    export PYTHONDONTWRITEBYTECODE=1
    export ASAN_OPTIONS=detect_leaks=1
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    # A copy: some tests run the program as another user, to whom this tree may be closed.
    suppressions=$(mktemp)
    trap 'rm -f "$suppressions"' EXIT
    cat test/tsan.supp >"$suppressions"
    chmod 0644 "$suppressions"
    export TSAN_OPTIONS="halt_on_error=1 second_deadlock_stack=1 suppressions=$suppressions"

    test_format
    if test_builds; then
        test_units asan
        test_units tsan
        test_e2e release "slow or not slow" "$@"
        test_e2e asan "not slow and not browser" "$@"
        test_e2e tsan "not slow and not browser" "$@"
        test_container
    else
        failed=$((failed + 1))
    fi
    trap - ERR
    printf '\nlogs: %s; %d s\n' "$logs" "$SECONDS"
    [ "$failed" = 0 ] || grep -E '^(FAILED|ERROR|FAIL -) |^[[:space:]]+[0-9]+ - .*\(.*\)$' "$logs"/*.log || true
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}

verb=${1:-run}
[ $# = 0 ] || shift
case $verb in
    run) run samples ;;
    watch) run nothing ;;
    once | input) once "$@" ;;
    docker) docker_image ;;
    test) test_all "$@" ;;
    bench) bench "$@" ;;
    soak) soak "$@" ;;
    clean) clean ;;
    -h | --help | help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' run.sh ;;
    *) die "no such verb: $verb (./run.sh help lists them)" ;;
esac
