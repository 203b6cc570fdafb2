#!/bin/sh
# Writes a minimal Debian trixie to standard output as a tar: the base of the other stand-ins, for machines that can pull
# no image. Needs root on Debian or Ubuntu; installs debootstrap where it is missing.
set -eu
exec 3>&1 1>&2
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 1; }
if ! command -v debootstrap >/dev/null; then
    command -v apt-get >/dev/null || { echo "needs Debian or Ubuntu, for debootstrap"; exit 1; }
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap debian-archive-keyring
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase trixie "$root"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
tar -C "$root" -c . >&3
