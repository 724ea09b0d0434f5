# The Docker Engine of the testbed. Sourced by scripts/testbed, which holds the
# lock.

dk=$cache/testbed/docker
dk_socket=$dk/docker.sock
dk_image=patchbay-test/busybox:local
dk_recipe=1 # raise it when the image's contents change

# dk_answers tells whether an engine answers at a host.
dk_answers() { DOCKER_HOST=$1 timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# dk_found prints the host of the first engine that answers: the one the caller
# chose, the system's, ours.
dk_found() {
  command -v docker >/dev/null || return 1
  local host
  for host in "${DOCKER_HOST:-}" unix:///var/run/docker.sock "unix://$dk_socket"; do
    [ -n "$host" ] || continue
    case $host in unix://*) [ -S "${host#unix://}" ] || continue ;; esac
    if dk_answers "$host"; then
      echo "$host"
      return
    fi
  done
  return 1
}

docker_up() {
  local host started=
  host=$(dk_found) || {
    need dockerd docker.io
    command -v docker >/dev/null || need docker docker-cli
    host=$(dk_found) || { # the package may have started the system's own
      dk_start
      host=unix://$dk_socket started=yes
    }
  }
  dk_build_image "$host" || {
    [ -z "$started" ] || docker_down
    die "making the image $dk_image failed"
  }
  printf 'DOCKER_HOST=%s\nPATCHBAY_TEST_DOCKER=%s\nPATCHBAY_TEST_IMAGE=%s\n' "$host" "$host" "$dk_image"
  [ -z "$started" ] || echo "PATCHBAY_TESTBED_STARTED=docker"
}

# dk_start starts a daemon of our own and returns when it answers.
dk_start() {
  # A path of a Unix socket holds 107 bytes; the daemon adds some of its own.
  [ ${#dk} -le 60 ] || die "the path $dk is too long for the daemon's sockets; set PATCHBAY_CACHE to a shorter one"
  docker_down # what a crash may have left
  mkdir -p "$dk"
  say "starting a Docker Engine in $dk"
  ip link show docker0 >/dev/null 2>&1 || touch "$dk/made-bridge"
  # A session of its own: Ctrl-C in the caller's terminal is not for the daemon.
  # The lock's descriptor stays here, or the daemon would hold it for ever.
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  as_root true
  "${sudo[@]}" setsid env PATH="$PATH:/usr/sbin:/sbin" dockerd \
    --data-root "$dk/data" --exec-root "$dk/exec" --pidfile "$dk/docker.pid" \
    --host "unix://$dk_socket" --group "$(id -gn)" \
    </dev/null >"$dk/dockerd.log" 2>&1 9>&- &
  local child=$! tries
  for ((tries = 0; tries < 300; tries++)); do
    if dk_answers "unix://$dk_socket"; then
      dk_identity "$(cat "$dk/docker.pid")" >"$dk/started"
      return
    fi
    kill -0 "$child" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$dk/dockerd.log" >&2
  [ ! -s "$dk/docker.pid" ] || dk_identity "$(cat "$dk/docker.pid")" >"$dk/started" || true
  docker_down
  die "the Docker Engine did not come up; its log is $dk/dockerd.log"
}

# dk_identity prints "pid start-time" of a live process. The pair names one
# process for ever, where a pid alone may have been given to another since.
dk_identity() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  set -- "$1" ${stat##*) }
  [ "$2" != Z ] || return 1
  echo "$1 ${21}" # field 22 of stat; the first two were cut off above
}

# dk_ours prints the pid of the daemon we started, if it still is that one.
dk_ours() {
  local pid start
  read -r pid start 2>/dev/null <"$dk/started" || return 1
  [ "$(dk_identity "$pid")" = "$pid $start" ] && echo "$pid"
}

# dk_children lists what works for our daemon and outlives it when it is killed:
# its containerd, the shims of its containers (told by the exec-root that their
# command lines name) and the containers' first processes.
dk_children() {
  local dir args
  for dir in /proc/[0-9]*; do
    args=$(tr '\0' ' ' 2>/dev/null <"$dir/cmdline") || continue
    case ${args%% *} in containerd | containerd-shim* | */containerd | */containerd-shim*) ;; *) continue ;; esac
    case $args in *" $dk/exec/"*) echo "${dir##*/}" ;; *) continue ;; esac
    case ${args%% *} in *-shim*) cat "$dir"/task/*/children 2>/dev/null || true ;; esac
  done
}

# dk_await PID… waits up to 20 seconds until none of them lives.
dk_await() {
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

# docker_down stops our daemon, with its containers, and leaves no process and
# no mount. Another's engine is never touched.
docker_down() {
  local pid left mount
  [ -d "$dk" ] || return 0
  if pid=$(dk_ours); then
    say "stopping the Docker Engine $pid"
    as_root kill -TERM "$pid" || true # it stops its containers and containerd
    dk_await "$pid" || { as_root kill -KILL "$pid" && dk_await "$pid"; } || true
  fi
  # Only a daemon that was killed leaves these, and nothing is left to ask them.
  left=$(dk_children)
  if [ -n "$left" ]; then
    as_root kill -KILL $left 2>/dev/null || true
    dk_await $left || true
  fi
  # Deepest first, since mounts nest.
  awk -v dir="$dk/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r mount; do
    as_root umount -l "$(printf '%b' "$mount")" || true
  done
  if [ -e "$dk/made-bridge" ]; then
    as_root ip link del docker0 2>/dev/null || true
  fi
  rm -f "$dk/started" "$dk/made-bridge"
  # The images in data/ are kept for the next time; what was running is not.
  as_root rm -rf --one-file-system "$dk/docker.pid" "$dk_socket" "$dk/exec"
}

docker_status() {
  local host pid
  if ! host=$(dk_found); then
    echo "docker: none answers"
    return
  fi
  if [ "$host" = "unix://$dk_socket" ] && pid=$(dk_ours); then
    echo "docker: $host, ours, pid $pid, log $dk/dockerd.log"
  else
    echo "docker: $host, not ours"
  fi
}

# dk_build_image makes the image that container steps of the tests run in: a
# static busybox with all its applets, and nothing that a registry would have to
# be asked for. Quick when it is there already.
dk_build_image() {
  local host=$1 rootfs applet busybox
  [ "$(DOCKER_HOST=$host docker image inspect --format '{{index .Config.Labels "patchbay.test.recipe"}}' "$dk_image" 2>/dev/null)" != "$dk_recipe" ] || return 0
  # The other package of Debian's, busybox, is linked dynamically and takes the
  # same path; ldd finds nothing to say of a static one.
  busybox=/bin/busybox
  if [ ! -x "$busybox" ] || ldd "$busybox" >/dev/null 2>&1; then
    install_packages busybox-static
  fi
  rootfs=$(mktemp -d) || return 1
  mkdir -p "$rootfs"/{bin,etc,proc,root,sys,dev,tmp,usr/bin} && chmod 1777 "$rootfs/tmp"
  cp "$busybox" "$rootfs/bin/busybox" || return 1
  for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$rootfs/bin/$applet"
  done
  ln -s /bin/env "$rootfs/usr/bin/env"
  echo 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false' >"$rootfs/etc/passwd"
  echo 'root:x:0:
nogroup:x:65534:' >"$rootfs/etc/group"
  tar -C "$rootfs" --owner=0 --group=0 --numeric-owner -c . |
    DOCKER_HOST=$host docker import \
      --change 'CMD ["/bin/sh"]' --change 'ENV PATH=/usr/bin:/bin' \
      --change "LABEL patchbay.test.recipe=$dk_recipe" - "$dk_image" >/dev/null || {
    rm -rf "$rootfs"
    return 1
  }
  rm -rf "$rootfs"
}
