"""What QEMU's own tools are told to serve, copy and compare images with (pure)."""

from __future__ import annotations

import json

from ferryman.fleet.images import Export, Image

SERVE = """
image=$1 format=$2 name=$3 address=$4
shift 4
cache=writeback
$root dd if="$image" iflag=direct bs=4096 count=1 of=/dev/null 2>/dev/null && cache=none
log=$(mktemp) && pid_file=$(mktemp -u) || exit
for port in $(seq 49215 -1 49152) none; do
    if [ "$port" = none ]; then cat "$log" >&2; rm -f "$log"; exit 1; fi
    $root qemu-nbd --fork --pid-file="$pid_file" --bind="$address" --port="$port" --export-name="$name" \\
        --persistent --shared=4 --format="$format" --cache="$cache" --discard=unmap \\
        --detect-zeroes=unmap "$@" "$image" 2>"$log" && break
    grep -q "Address already in use" "$log" || { cat "$log" >&2; rm -f "$log"; exit 1; }
done
pid=$($root cat "$pid_file")
$root rm -f "$log" "$pid_file"
echo "$port"
while [ -n "$(timeout 60 dd bs=64 count=1 2>/dev/null)" ]; do :; done
$root kill "$pid"
while [ -d "/proc/$pid" ]; do sleep 0.02; done
"""
"""Serves on one of libvirt's migration ports until its input ends (also when ferryman is killed) or is silent for 60 s:
where ferryman's machine loses power, or the way to it is cut, SSH keeps the input open for hours. At its end qemu-nbd
writes out all that it was sent. It writes past the page cache where the file system can: a mirror is filled in a third
of the time then, and a guest that boots meets no backlog of writes."""
BEAT, BEAT_EVERY_S = b".", 10.0
"""What SERVE is to hear, and how often: several are lost before it ends."""
QEMU_IMG = 'exec $root qemu-img "$@"'
REACH = 'exec timeout 15 $root qemu-img "$@"'
"""A firewall that drops packets is not waited for longer."""
_TLS = "tls"
"""What QEMU is to call its credentials."""


def served(image: Image, *, name: str, address: str, certificates: str) -> list[str]:
    """Arguments for SERVE. `certificates`: the folder of those to serve it with; empty: in plain text."""
    secured = [f"--tls-creds={_TLS}", *_credentials(certificates, "server")] if certificates else []
    return [image.path, image.format, name, address, *secured]


def copied(image: Image, export: Export, *, certificates: str, bandwidth_mib_s: int) -> list[str]:
    """Arguments for QEMU_IMG. `certificates`: the folder of the client's, for an export under TLS."""
    cap = ["-r", f"{bandwidth_mib_s}M"] if bandwidth_mib_s else []
    how = ["-p", "-n", "-W", "-m", "16", *cap, *_client(export, certificates)]
    return ["convert", *how, "-f", image.format, "-O", "raw", image.path, _node(export)]


def asked(export: Export, *, certificates: str) -> list[str]:
    """Arguments for REACH."""
    return ["info", *_client(export, certificates), _node(export)]


def compared(image: Image, export: Export, *, certificates: str) -> list[str]:
    """Arguments for QEMU_IMG."""
    how = ["-p", *_client(export, certificates)]
    return ["compare", *how, "-f", image.format, "-F", "raw", image.path, _node(export)]


def _client(export: Export, certificates: str) -> list[str]:
    return _credentials(certificates, "client") if export.tls_name else []


def _credentials(folder: str, end: str) -> list[str]:
    quoted = folder.replace(",", ",,")
    return ["--object", f"tls-creds-x509,id={_TLS},dir={quoted},endpoint={end},verify-peer=on"]


def _node(export: Export) -> str:
    """An export as QEMU takes it in place of a file's name: a URI cannot name credentials."""
    server = {"type": "inet", "host": export.address, "port": str(export.port)}
    secured = {"tls-creds": _TLS, "tls-hostname": export.tls_name} if export.tls_name else {}
    file = {"driver": "nbd", "server": server, "export": export.name} | secured
    return "json:" + json.dumps({"driver": "raw", "file": file})
