# shellcheck shell=bash
# shellcheck disable=SC2034  # used by those who source it
# Sourced: podman and buildah with settings and storage of their own below build/container, so that the machine's are not
# touched and that it works in sandboxes too (no raised limits, no cgroup v2, no registry).
# engine_start STORE; engine_base; engine_build TAG; engine_stop STORE. What cannot do its work says why and returns 1.

ENGINE_PACKAGES=(podman buildah runc conmon netavark iptables mmdebstrap)
ENGINE_BASE=docker.io/library/debian:bookworm-slim
ENGINE_DIR=$PWD/build/container

engine_start() {
    local store=$ENGINE_DIR/$1
    mkdir -p "$store"
    cat >"$store/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1000:1000"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
END
    cat >"$store/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$store/storage"
runroot = "$store/run"
END
    export CONTAINERS_CONF=$store/containers.conf CONTAINERS_STORAGE_CONF=$store/storage.conf
    podman info >/dev/null || { echo "podman does not start here"; return 1; }
}

# The machine's own list of Debian's packages, which is known to be reachable.
engine_sources() {
    grep -lsE '(URIs:|^deb ).*debian' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list /etc/apt/sources.list.d/* | head -n 1
}

# The base image: the registry's where there is one to be had, else made from the machine's package sources.
engine_base() {
    podman image exists "$ENGINE_BASE" && return
    if [ ! -s "$ENGINE_DIR/base.tar" ]; then
        timeout 60 podman pull --quiet "$ENGINE_BASE" >/dev/null 2>&1 && return
        local sources
        sources=$(engine_sources)
        [ -n "$sources" ] || { echo "no registry can be reached and no Debian package sources are configured"; return 1; }
        local more=() # the registry's image has no certificates either
        ! grep -q https: "$sources" || more=(--include=ca-certificates)
        mmdebstrap --quiet --variant=minbase "${more[@]}" bookworm "$ENGINE_DIR/base-new.tar" "$sources" ||
            { echo "mmdebstrap cannot make a base image from $sources"; return 1; }
        mv "$ENGINE_DIR/base-new.tar" "$ENGINE_DIR/base.tar"
    fi
    podman import --quiet "$ENGINE_DIR/base.tar" "$ENGINE_BASE" >/dev/null
}

# --format docker: the other one has no HEALTHCHECK.
engine_build() {
    buildah bud --isolation chroot --format docker --network host --layers --tag "$1" .
}

# Removes a store with all its images; one whose containers still run is left alone, and 1 returned.
engine_stop() {
    local store=$ENGINE_DIR/$1
    umount "$store/storage/overlay" 2>/dev/null || true
    if grep -q " $store/" /proc/self/mounts; then
        echo "containers still run from $store"
        return 1
    fi
    rm -rf "$store"
}
