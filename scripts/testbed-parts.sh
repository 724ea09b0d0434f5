# What the counterparts of the testbed share. Sourced by scripts/testbed.

# identity prints "pid start-time" of a live process. The pair names one process
# for ever, where a pid alone may have been given to another since.
identity() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  set -- "$1" ${stat##*) }
  [ "$2" != Z ] || return 1
  echo "$1 ${21}" # field 22 of stat; the first two were cut off above
}

# await_gone PID… waits up to 20 seconds until none of them lives.
await_gone() {
  local tries pid alive
  for ((tries = 0; tries < 200; tries++)); do
    alive=
    for pid in "$@"; do
      # A zombie is gone; only its parent has not noticed.
      grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$pid/status" 2>/dev/null && alive=yes
    done
    [ -n "$alive" ] || return 0
    sleep 0.1
  done
  return 1
}

# unmount_below DIR… deepest first, since mounts nest.
unmount_below() {
  local mount
  awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r mount; do
    as_root umount -l "$(printf '%b' "$mount")" || true
  done
}

# busybox_rootfs DIR makes the files of an image: a static busybox with all its
# applets, and nothing that a registry would have to be asked for.
busybox_rootfs() {
  local rootfs=$1 applet busybox=/bin/busybox
  # The other package of Debian's, busybox, is linked dynamically and takes the
  # same path; ldd finds nothing to say of a static one.
  if [ ! -x "$busybox" ] || ldd "$busybox" >/dev/null 2>&1; then
    install_packages busybox-static
  fi
  mkdir -p "$rootfs"/{bin,etc,proc,root,sys,dev,tmp,usr/bin} && chmod 1777 "$rootfs/tmp"
  chmod 755 "$rootfs" # mktemp makes it for its owner alone
  cp "$busybox" "$rootfs/bin/busybox" || return 1
  for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$rootfs/bin/$applet"
  done
  ln -s /bin/env "$rootfs/usr/bin/env"
  echo 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false' >"$rootfs/etc/passwd"
  echo 'root:x:0:
nogroup:x:65534:' >"$rootfs/etc/group"
}
