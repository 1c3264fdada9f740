# Prints facts about this host, one a line; changes nothing. See ../facts_script.py.
# Arguments: a Python program that tries ports, first port, last port, number of folders, the folders, and then
# for each other host of the fleet its libvirt URI and the address of its migrations.
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
now() { date +%s%N; }
words() { tr -c '[:alnum:][:punct:]' ' ' | cut -c1-300; }
echo "began $(now)"
ports=$1 first=$2 last=$3 count=$4
shift 4

echo "user $(id -un)"
echo "groups $(id -Gn)"
root=
[ "$(id -u)" = 0 ] || root="sudo -n"
if $root true 2>/dev/null </dev/null; then as_root=yes; else as_root=no; fi
echo "root $as_root"
if [ -r /proc/sys/vm/unprivileged_userfaultfd ]; then
    echo "userfaultfd $(cat /proc/sys/vm/unprivileged_userfaultfd)"
fi
for file in /sys/class/net/*/bridge/stp_state; do
    if [ -r "$file" ]; then
        bridge=${file%/bridge/stp_state}
        echo "stp ${bridge##*/} $(cat "$file")"
    fi
done
echo "bridges all"

# QEMU's user: what qemu.conf says, or the one that the distribution made for it.
qemu=
if [ -r /etc/libvirt/qemu.conf ]; then
    qemu=$(sed -n 's/^[[:space:]]*user[[:space:]]*=[[:space:]]*"+\{0,1\}\([^"]*\)".*/\1/p' /etc/libvirt/qemu.conf | tail -n 1)
    for user in libvirt-qemu qemu; do
        if [ -z "$qemu" ] && id "$user" >/dev/null 2>&1; then qemu=$user; fi
    done
fi
[ -z "$qemu" ] || echo "qemu-user $qemu"
as_qemu() { setpriv --reuid "$qemu" --regid "$(id -g "$qemu")" --init-groups -- "$@" 2>/dev/null; }

index=0
while [ "$index" -lt "$count" ]; do
    kind=$(findmnt --noheadings --output FSTYPE --target "$1" 2>/dev/null | tail -n 1)
    [ -z "$kind" ] || echo "filesystem $index $kind"
    if [ -n "$qemu" ] && [ -d "$1" ] && as_qemu true; then
        if as_qemu test -x "$1"; then echo "access $index yes"; else echo "access $index no"; fi
    fi
    index=$((index + 1))
    shift
done

# Tried as libvirtd would, which runs as root and uses root's keys; as another user it would say nothing.
# $root is empty for root itself.
try_libvirtd() {
    if said=$(timeout 8 $root virsh --quiet --connect "$2" uri 2>&1 </dev/null); then
        echo "libvirtd $1 reached"
    else
        echo "libvirtd $1 failed $(printf %s "$said" | words)"
    fi
}
addresses=
index=0
virsh=$(command -v virsh)
if [ "$#" -gt 0 ] && command -v python3 >/dev/null; then
    for word in "$@"; do
        [ $((index % 2)) -eq 0 ] || addresses="$addresses $word"
        index=$((index + 1))
    done
    # Addresses hold neither spaces nor wildcards.
    python3 -c "$ports" "$first" "$last" $addresses </dev/null 2>/dev/null &
fi
index=0
while [ "$#" -ge 2 ]; do
    if [ -n "$virsh" ] && [ "$as_root" = yes ]; then
        try_libvirtd "$index" "$1" &
    fi
    index=$((index + 1))
    shift 2
    # A few at a time: an SSH server drops some of ten that log in at once.
    [ $((index % 4)) -ne 0 ] || wait
done
wait
echo "ended $(now)"
