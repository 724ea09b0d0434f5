# What the parts of the testbed's Kubernetes read: settings and images. Sourced by
# scripts/testbed.

# kt_settings PORT SUBNET writes the settings of containerd, of the pods' network and
# of the kubelet.
kt_settings() {
  local snapshotter=overlayfs
  case $(stat -f -c %T "$kt") in overlay*) snapshotter=native ;; esac # it does not nest
  # The network namespaces are mounted below $kt as well; an adjustment of the OOM
  # score below the parent's would need a right that containers often lack.
  cat >"$kt/containerd.toml" <<K
version = 2
root = "$kt/containerd/root"
state = "$kt/containerd/state"
[grpc]
  address = "$kt/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$kt/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "patchbay-test/pause:local"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$kt/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$snapshotter"
K
  # Pods reach this machine and nothing behind it: no rule of iptables is made.
  cat >"$kt/cni/10-bridge.conflist" <<K
{"cniVersion": "0.4.0", "name": "$kt_group", "plugins": [{"type": "bridge", "bridge": "$kt_bridge", "isGateway": true,
  "ipam": {"type": "host-local", "dataDir": "$kt/cni-data", "ranges": [[{"subnet": "$2"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
K
  cat >"$kt/kubelet.yaml" <<K
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupRoot: /$kt_group
cgroupsPerQOS: true
enforceNodeAllocatable: []
containerRuntimeEndpoint: unix://$kt/containerd/containerd.sock
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: "$kt/pki/kubelet-client.crt"}}
authorization: {mode: AlwaysAllow}
address: 127.0.0.1
port: $(($1 + 3))
healthzPort: 0
readOnlyPort: 0
makeIPTablesUtilChains: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "10Mi", nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%"}
registerNode: true
podLogsDir: $kt/podlogs
volumePluginDir: $kt/volume-plugins
K
}

# kt_images makes the images that pods run and gives them to containerd: no registry
# is asked for anything.
kt_images() {
  local rootfs
  rootfs=$(mktemp -d) && kt_bare_images "$rootfs/bare" && busybox_rootfs "$rootfs" &&
    kt_import "$rootfs" "$kt_image" '["/bin/sh"]' &&
    kt_add_git "$rootfs" && kt_import "$rootfs" "$kt_git_image" '["/bin/sh"]' || {
    rm -rf "$rootfs"
    return 1
  }
  rm -rf "$rootfs"
}

# kt_bare_images makes the one that keeps a pod's network, and one for tests that has
# neither a shell nor tar. Both are a busybox without the names of its programs.
kt_bare_images() {
  local rootfs=$1
  busybox_rootfs "$rootfs" && find "$rootfs" -type l -delete &&
    kt_import "$rootfs" patchbay-test/pause:local '["/bin/busybox","sleep","2147483647"]' &&
    kt_import "$rootfs" patchbay-test/bare:local '["/bin/busybox","true"]' && rm -rf "$rootfs"
}

# kt_add_git gives an image this machine's git, with the libraries it is linked to.
kt_add_git() {
  local program exec_path
  exec_path=$(git --exec-path) || return 1
  mkdir -p "$1/usr/bin" "$1$exec_path"
  cp -L "$(command -v git)" "$1/usr/bin/git" || return 1
  for program in git-remote-http git-remote-https; do cp -L "$exec_path/$program" "$1$exec_path/" || return 1; done
  ldd "$(command -v git)" "$exec_path/git-remote-http" | grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r library; do
    mkdir -p "$1${library%/*}" && cp -L "$library" "$1$library"
  done
}

# kt_import ROOTFS NAME COMMAND makes an image with one layer, in the format of
# `docker save`, and imports it.
kt_import() {
  local work=$kt/images sum architecture
  case $(uname -m) in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *) architecture=$(uname -m) ;; esac
  tar -C "$1" --owner=0 --group=0 --numeric-owner -cf "$work/layer.tar" . || return 1
  sum=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  cat >"$work/config.json" <<K
{"architecture": "$architecture", "os": "linux", "config": {"Cmd": $3, "Env": ["PATH=/usr/bin:/bin"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$sum"]}}
K
  echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"docker.io/$2\"], \"Layers\": [\"layer.tar\"]}]" >"$work/manifest.json"
  tar -C "$work" -cf "$work/image.tar" manifest.json config.json layer.tar &&
    as_root ctr -a "$kt/containerd/containerd.sock" -n k8s.io images import "$work/image.tar" >"$kt/log/import.log" 2>&1
}
