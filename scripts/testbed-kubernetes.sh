# The Kubernetes of the testbed: one real node, on loopback. Sourced by
# scripts/testbed, which holds the lock.
#
# Everything it is made of names a path below $kt in its command line, and all its
# pods are in one control group; so what is ours is known without a list that a
# crash could leave behind.

kt=$cache/testbed/kubernetes
kt_id=$(printf '%s' "$kt" | sha256sum | cut -c1-6)
kt_bridge=pbk-$kt_id
kt_group=patchbay-$kt_id
kt_kubeconfig=$kt/kubeconfig
kt_image=patchbay-test/busybox:local
kt_git_image=patchbay-test/git:local
kt_sources=$root/scripts/testbed-kubernetes

# kt_binary prints where the program of these sources and this Go belongs.
kt_binary() {
  local key
  key=$( (cat "$kt_sources"/{go.mod,go.sum,main.go} && go version) | sha256sum | cut -c1-16)
  echo "$cache/kube/$key/kube"
}

# kubernetes_prepare builds the program, once: minutes on two cores. It has a lock of
# its own, so that whoever wants something else from the testbed need not wait.
kubernetes_prepare() {
  local kube
  ! kt_anothers || return 0
  kt_possible || return 1
  need gcc gcc libc6-dev
  need git git
  kube=$(kt_binary)
  mkdir -p "$cache/kube"
  (
    flock -w 1800 8 || die "another testbed command has been building Kubernetes for half an hour"
    if [ ! -x "$kube" ]; then
      say "building Kubernetes; this takes minutes, once"
      mkdir -p "${kube%/*}"
      (cd "$kt_sources" && go build -trimpath -ldflags='-s -w' -o "$kube.partial" .) || die "building Kubernetes failed"
      mv "$kube.partial" "$kube"
    fi
    touch "${kube%/*}"
    # Those of other sources, when nobody has asked for them for two weeks.
    find "$cache/kube" -mindepth 1 -maxdepth 1 -type d -mtime +14 -exec rm -rf {} +
  ) 8>"$cache/kube/lock"
}

# kt_possible says why there can be no node here.
kt_possible() {
  [ "$(uname -s)" = Linux ] || { say "Kubernetes needs Linux"; return 1; }
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || { say "Kubernetes needs root"; return 1; }
  [ -w /sys/fs/cgroup ] || as_root test -w /sys/fs/cgroup || { say "Kubernetes needs control groups that it can write to"; return 1; }
}

# kt_anothers tells whether the caller has chosen a cluster: it is used, and left
# alone.
kt_anothers() { [ -n "${PATCHBAY_TEST_KUBECONFIG:-}" ] && [ "$PATCHBAY_TEST_KUBECONFIG" != "$kt_kubeconfig" ]; }

kubernetes_up() {
  local started=
  if kt_anothers; then
    [ -n "${PATCHBAY_TEST_KUBERNETES_IMAGE:-}" ] || die "set PATCHBAY_TEST_KUBERNETES_IMAGE to an image with a shell and tar that the nodes of PATCHBAY_TEST_KUBECONFIG have"
    printf 'PATCHBAY_TEST_KUBECONFIG=%s\nPATCHBAY_TEST_KUBERNETES_IMAGE=%s\n' "$PATCHBAY_TEST_KUBECONFIG" "$PATCHBAY_TEST_KUBERNETES_IMAGE"
    return
  fi
  if ! kt_answers; then
    need etcd etcd-server
    need containerd containerd
    need runc runc
    need openssl openssl
    need ip iproute2
    [ -x /usr/lib/cni/bridge ] || install_packages containernetworking-plugins
    kt_start || {
      tail -n 5 "$kt"/log/*.log >&2 2>/dev/null
      [ -z "${PATCHBAY_KEEP_LOGS:-}" ] || as_root cp -r "$kt/log" "$PATCHBAY_KEEP_LOGS"
      kubernetes_down
      die "Kubernetes did not come up"
    }
    started=yes
  fi
  printf 'PATCHBAY_TEST_KUBECONFIG=%s\nPATCHBAY_TEST_KUBERNETES_IMAGE=%s\n' "$kt_kubeconfig" "$kt_image"
  printf 'PATCHBAY_TEST_KUBERNETES_GIT_IMAGE=%s\nPATCHBAY_TEST_KUBE=%s\n' "$kt_git_image" "$(kt_binary)"
  [ -z "$started" ] || echo "PATCHBAY_TESTBED_STARTED=kubernetes"
}

# kt_kubectl talks to our cluster.
kt_kubectl() { KUBECONFIG=$kt_kubeconfig timeout 20 "$(kt_binary)" kubectl --cache-dir="$kt/kubectl" "$@"; }

# kt_answers tells whether all of it has come up and its node can be used.
kt_answers() {
  [ -e "$kt/complete" ] && [ -x "$(kt_binary)" ] &&
    [ "$(kt_kubectl get node 127.0.0.1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = True ]
}

# kt_await SECONDS COMMAND… waits until it succeeds.
kt_await() {
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.1
  done
}

# kt_start brings the cluster up from nothing.
kt_start() {
  local kube port subnet
  kube=$(kt_binary)
  [ -x "$kube" ] || die "$kube is missing"
  kubernetes_down # what a crash may have left
  mkdir -p "$kt"/{pki,log,kubelet,containerd,cni,images} && chmod 700 "$kt" || return 1
  say "starting Kubernetes in $kt"
  port=$(kt_ports) && subnet=$(kt_subnet) || return 1
  kt_certificates && kt_settings "$port" "$subnet" && kt_groups || return 1

  kt_run etcd etcd --data-dir="$kt/etcd" --unsafe-no-fsync \
    --listen-client-urls="http://127.0.0.1:$port" --advertise-client-urls="http://127.0.0.1:$port" \
    --listen-peer-urls="http://127.0.0.1:$((port + 1))"
  kt_run containerd containerd --config="$kt/containerd.toml"
  kt_run apiserver "$kube" apiserver --etcd-servers="http://127.0.0.1:$port" \
    --bind-address=127.0.0.1 --secure-port=$((port + 2)) --advertise-address=127.0.0.1 --cert-dir="$kt/pki" \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$kt/pki/sa.pub" --service-account-signing-key-file="$kt/pki/sa.key" \
    --kubelet-client-certificate="$kt/pki/kubelet-client.crt" --kubelet-client-key="$kt/pki/kubelet-client.key" \
    --token-auth-file="$kt/pki/tokens.csv" --authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 \
    --enable-priority-and-fairness=false --endpoint-reconciler-type=none
  kt_await 60 test -s "$kt/pki/apiserver.crt" && kt_write_kubeconfig "$port" || return 1
  kt_await 60 ctr -a "$kt/containerd/containerd.sock" version || return 1
  kt_images || return 1
  kt_await 90 kt_kubectl get --raw /readyz || return 1
  kt_run controller-manager "$kube" controller-manager --kubeconfig="$kt_kubeconfig" --leader-elect=false --secure-port=0 \
    --service-account-private-key-file="$kt/pki/sa.key" --root-ca-file="$kt/pki/apiserver.crt" \
    --controllers='*,-nodeipam,-cloud-node-lifecycle-controller,-service-lb-controller,-node-route-controller'
  kt_run scheduler "$kube" scheduler --kubeconfig="$kt_kubeconfig" --leader-elect=false --secure-port=0
  kt_run kubelet "$kube" kubelet --config="$kt/kubelet.yaml" --kubeconfig="$kt_kubeconfig" --root-dir="$kt/kubelet" \
    --cert-dir="$kt/kubelet-pki" --hostname-override=127.0.0.1
  touch "$kt/complete"
  kt_await 90 kt_answers && kt_await 30 kt_kubectl get serviceaccount default
}

# kt_run NAME COMMAND… in a session of its own: Ctrl-C in the caller's terminal is
# not for it. The lock's descriptor stays here, or it would be held for ever.
kt_run() {
  local name=$1 sudo=()
  shift
  [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  "${sudo[@]}" setsid env -i HOME="$kt" PATH="/usr/sbin:/usr/bin:/sbin:/bin" "$@" </dev/null >"$kt/log/$name.log" 2>&1 9>&- &
}

# kt_ports prints the first of four free ports in a row, below those that the system
# gives to clients.
kt_ports() {
  local tries port offset
  for ((tries = 0; tries < 100; tries++)); do
    port=$((20000 + RANDOM % 12000))
    for offset in 0 1 2 3 free; do
      [ "$offset" != free ] || { echo "$port"; return; }
      ! (exec 3<>"/dev/tcp/127.0.0.1/$((port + offset))") 2>/dev/null || break
    done
  done
  return 1
}

# kt_subnet prints a network for pods that this machine has no route to.
kt_subnet() {
  local tries prefix
  for ((tries = 0; tries < 100; tries++)); do
    prefix=10.$((128 + RANDOM % 120)).$((RANDOM % 256))
    ip -4 route show | grep -q "^${prefix%.*}\." || { echo "$prefix.0/24"; return; }
  done
  return 1
}

kt_certificates() {
  (
    cd "$kt/pki" && umask 077 &&
      openssl genrsa -out sa.key 2048 && openssl rsa -in sa.key -pubout -out sa.pub &&
      openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=apiserver -addext extendedKeyUsage=clientAuth \
        -keyout kubelet-client.key -out kubelet-client.crt &&
      openssl rand -hex 16 >token && echo "$(cat token),admin,admin,system:masters" >tokens.csv
  ) 2>"$kt/log/openssl.log"
}

kt_write_kubeconfig() {
  (
    umask 077
    cat >"$kt_kubeconfig" <<K
apiVersion: v1
kind: Config
clusters: [{name: testbed, cluster: {server: "https://127.0.0.1:$(($1 + 2))", certificate-authority-data: $(as_root base64 -w0 "$kt/pki/apiserver.crt")}}]
users: [{name: admin, user: {token: $(cat "$kt/pki/token")}}]
contexts: [{name: testbed, context: {cluster: testbed, user: admin}}]
current-context: testbed
K
  )
}

# kt_groups makes the control group that all pods are in.
kt_groups() {
  local controller
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    as_root mkdir -p "/sys/fs/cgroup/$kt_group"
    return
  fi
  for controller in /sys/fs/cgroup/*/; do
    [ ! -e "$controller/tasks" ] || as_root mkdir -p "$controller$kt_group" || return 1
  done
  # A new group of this kind holds nothing before it is told where it may run.
  for controller in cpus mems; do
    [ ! -e "/sys/fs/cgroup/cpuset/$kt_group" ] || as_root cp "/sys/fs/cgroup/cpuset/cpuset.$controller" "/sys/fs/cgroup/cpuset/$kt_group/cpuset.$controller"
  done
}

# kubernetes_down stops all of it and leaves no process, mount, network interface or
# control group. Pods are killed: nothing of them is kept.
kubernetes_down() {
  local part
  [ -d "$kt" ] || return 0
  rm -f "$kt/complete"
  [ -z "$(kt_processes)" ] || say "stopping Kubernetes"
  # Who starts things goes first.
  for part in kubelet containerd ''; do kt_kill "$part" || die "some of Kubernetes in $kt cannot be stopped"; done
  unmount_below "$kt"
  ! grep -q " $kt/" /proc/self/mounts || die "something below $kt is still mounted"
  as_root ip link del "$kt_bridge" 2>/dev/null || true
  as_root find /sys/fs/cgroup -depth -type d -path "*/$kt_group*" -exec rmdir {} + 2>/dev/null || true
  as_root find /var/log/containers -lname "$kt/*" -delete 2>/dev/null || true
  kt_forget_networks
  as_root rm -rf --one-file-system "$kt"
}

# kt_forget_networks removes what the network's plugins noted of pods that were killed.
kt_forget_networks() {
  local note id
  as_root find /var/lib/cni/results -name "$kt_group-*" 2>/dev/null | while read -r note; do
    id=${note##*/"$kt_group-"}
    as_root rm -f "$note" "/var/lib/cni/results/cni-loopback-${id%-*}-lo"
  done
}

# kt_kill PART kills the part by that name, or all that is left, and waits for it.
kt_kill() {
  local tries pids
  for ((tries = 0; tries < 5; tries++)); do
    pids=$(kt_processes "$1")
    [ -n "$pids" ] || return 0
    as_root kill -KILL $pids 2>/dev/null || true
    await_gone $pids || true
  done
  return 1
}

# kt_processes [PART] lists what is ours: programs of these names that were given a
# path below $kt; without a part also the shims and what runs in pods.
kt_processes() {
  local dir args
  for dir in /proc/[0-9]*; do
    args=$(tr '\0' ' ' 2>/dev/null <"$dir/cmdline") || continue
    case $args in *[=\ ]"$kt/"*) ;; *) continue ;; esac
    case ${args%% *} in kube | */kube | etcd | */etcd | containerd | */containerd | */containerd-shim*) ;; *) continue ;; esac
    case $args in *" ${1:-} "* | "${1:-} "*) echo "${dir##*/}" ;; esac
    [ -n "${1:-}" ] || echo "${dir##*/}"
  done
  [ -n "${1:-}" ] || as_root find /sys/fs/cgroup -path "*/$kt_group/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u || true
}

kubernetes_status() {
  if kt_answers; then
    echo "kubernetes: $kt_kubeconfig, ours, logs in $kt/log"
  elif [ -n "$(kt_processes)" ]; then
    echo "kubernetes: something of ours runs, but no node is ready; logs in $kt/log"
  else
    echo "kubernetes: none of ours runs"
  fi
}
