#!/bin/sh
# LVM's commands as libvirt calls them, for a kernel without a device mapper: each logical volume is a loop device over
# a file. Sizes are whole extents, as LVM has them. What a test does not need is refused.
set -eu
store=/var/lib/libvirt/stand-in-lvm extent=4194304
command=${0##*/}
# What is not an option, last: a group, or a volume's path.
for word in "$@"; do case $word in -*) ;; *) last=$word ;; esac; done

size_of() { stat -c %s "$1"; }
used() { total=0; for file in "$store/$1"/*.img; do [ ! -e "$file" ] || total=$((total + $(size_of "$file"))); done; echo "$total"; }
attach() {
    device=$(losetup --associated "$store/$1/$2.img" --noheadings --output NAME)
    [ -n "$device" ] || device=$(losetup --find --show "$store/$1/$2.img")
    [ -e "/dev/$1/$2" ] || mknod -m 600 "/dev/$1/$2" b $(stat -c '0x%t 0x%T' "$device")
}

case $command in
vgscan) ;;
pvs) for group in "$store"/*; do echo "  /dev/${group##*/}-disk ${group##*/}"; done ;;
vgs) echo "  $(cat "$store/$last/size"):$(($(cat "$store/$last/size") - $(used "$last")))" ;;
vgchange)
    for file in "$store/$last"/*.img; do
        name=${file##*/}
        [ ! -e "$file" ] || attach "$last" "${name%.img}"
    done
    ;;
lvs)
    for file in "$store/$last"/*.img; do
        [ -e "$file" ] || continue
        name=${file##*/} size=$(size_of "$file")
        echo "  ${name%.img}##uuid-${name%.img}#/dev/$last-disk(0)#linear#1#$size#$extent#$size#-wi-a-----"
    done
    ;;
lvcreate)
    name= kib=
    while [ $# -gt 0 ]; do
        case $1 in
        --name) name=$2 && shift 2 ;;
        -L) kib=${2%K} && shift 2 ;;
        --yes | "$last") shift ;;
        *) echo "stand-in: no lvcreate $1" >&2 && exit 5 ;;
        esac
    done
    size=$(((kib * 1024 + extent - 1) / extent * extent))
    if [ $(($(used "$last") + size)) -gt "$(cat "$store/$last/size")" ]; then
        echo "  Volume group \"$last\" has insufficient free space." >&2 && exit 5
    fi
    truncate -s "$size" "$store/$last/$name.img"
    attach "$last" "$name"
    ;;
lvchange) ;;
lvremove)
    path=${last#/dev/} group=${path%/*} name=${path#*/}
    rm "/dev/$group/$name"
    losetup --detach "$(losetup --associated "$store/$group/$name.img" --noheadings --output NAME)"
    rm "$store/$group/$name.img"
    ;;
*) echo "stand-in: no $command" >&2 && exit 5 ;;
esac
