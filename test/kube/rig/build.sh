#!/bin/sh
# Builds the one binary of the rig, once per version of its sources. Prints the folder it is in.
# --check only says, by its exit code, whether that has been done.
set -eu
cd "$(dirname "$0")"
version=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' go.mod)
hash=$(cat go.mod go.sum ./*.go | sha256sum | cut -c1-16)
out="${ECO_KUBE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ecolink-kube}/$hash"
if [ "${1:-}" = --check ]; then
	test -x "$out/kube-rig"
	exit
fi
if [ ! -x "$out/kube-rig" ]; then
	mkdir -p "$out"
	start=$(date +%s)
	echo "kube-rig: building Kubernetes $version, some minutes the first time" >&2
	# One build at a time; written aside, so that a cut build leaves nothing that looks done.
	(
		flock 9
		[ -x "$out/kube-rig" ] || {
			GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" go build -p "${ECO_KUBE_JOBS:-2}" \
				-ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$(echo "$version" | cut -d. -f2)" \
				-o "$out/kube-rig.part" . >&2
			mv "$out/kube-rig.part" "$out/kube-rig"
		}
	) 9>"$out/lock"
	echo "kube-rig: built in $(($(date +%s) - start)) s" >&2
fi
echo "$out"
