# What every script here starts with: where the tree is, where things outside
# it are kept, and how to talk. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${PATCHBAY_CACHE:-$HOME/.cache/patchbay}

# say prints a line for the person watching. Standard output stays free for
# what a script is asked to print.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# as_root runs a command as root: as it is, or through sudo when that asks no
# password.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    die "needs root for: $* (run as root, or allow sudo without a password)"
  fi
}

# need COMMAND PACKAGE… installs Debian packages when COMMAND is missing.
need() {
  local command=$1
  shift
  PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null || install_packages "$@"
}

install_packages() {
  command -v apt-get >/dev/null || die "there is no apt-get here; install what $* is on your system and try again"
  say "installing $*"
  # The lists are refreshed only when it fails without: that costs seconds.
  apt_install "$@" || { as_root apt-get update -qq >&2 && apt_install "$@"; } || die "installing $* failed"
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}
