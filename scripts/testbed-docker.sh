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
      identity "$(cat "$dk/docker.pid")" >"$dk/started"
      return
    fi
    kill -0 "$child" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$dk/dockerd.log" >&2
  [ ! -s "$dk/docker.pid" ] || identity "$(cat "$dk/docker.pid")" >"$dk/started" || true
  docker_down
  die "the Docker Engine did not come up; its log is $dk/dockerd.log"
}

# dk_ours prints the pid of the daemon we started, if it still is that one.
dk_ours() {
  local pid start
  read -r pid start 2>/dev/null <"$dk/started" || return 1
  [ "$(identity "$pid")" = "$pid $start" ] && echo "$pid"
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

# docker_down stops our daemon, with its containers, and leaves no process and
# no mount. Another's engine is never touched.
docker_down() {
  local pid left
  [ -d "$dk" ] || return 0
  if pid=$(dk_ours); then
    say "stopping the Docker Engine $pid"
    as_root kill -TERM "$pid" || true # it stops its containers and containerd
    await_gone "$pid" || { as_root kill -KILL "$pid" && await_gone "$pid"; } || true
  fi
  # Only a daemon that was killed leaves these, and nothing is left to ask them.
  left=$(dk_children)
  if [ -n "$left" ]; then
    as_root kill -KILL $left 2>/dev/null || true
    await_gone $left || true
  fi
  unmount_below "$dk"
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
  local host=$1 rootfs
  [ "$(DOCKER_HOST=$host docker image inspect --format '{{index .Config.Labels "patchbay.test.recipe"}}' "$dk_image" 2>/dev/null)" != "$dk_recipe" ] || return 0
  rootfs=$(mktemp -d) && busybox_rootfs "$rootfs" || return 1
  tar -C "$rootfs" --owner=0 --group=0 --numeric-owner -c . |
    DOCKER_HOST=$host docker import \
      --change 'CMD ["/bin/sh"]' --change 'ENV PATH=/usr/bin:/bin' \
      --change "LABEL patchbay.test.recipe=$dk_recipe" - "$dk_image" >/dev/null || {
    rm -rf "$rootfs"
    return 1
  }
  rm -rf "$rootfs"
}
