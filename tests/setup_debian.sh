#!/bin/sh
# Installs the Debian packages that the tests use. Quick and without network when all are there. Run as root.
set -eu

packages="bash git nodejs"

missing=""
for package in $packages; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "All are installed: $packages"
    exit 0
fi

echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# The lists of a fresh machine are empty or old; the second try is for those.
# shellcheck disable=SC2086
apt-get install --yes --quiet=2 --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get update --quiet=2
    # shellcheck disable=SC2086
    apt-get install --yes --quiet=2 --no-install-recommends $missing
}
