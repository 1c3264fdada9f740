"""A volume group on hosts of a lab, and libvirt's logical pool over it: LVM's own commands stood in for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from running import RunningLab

GROUP = "ferryman-vg"
_STAND_IN = Path(__file__).with_name("stand_in_lvm.sh")
_COMMANDS = "vgs vgscan vgchange pvs lvs lvcreate lvchange lvremove"
_STORE = f"/var/lib/libvirt/stand-in-lvm/{GROUP}"
_POOL = (
    f"<pool type='logical'><name>{GROUP}</name><source><name>{GROUP}</name><format type='lvm2'/></source>"
    f"<target><path>/dev/{GROUP}</path></target></pool>"
)
# libvirt finds LVM in /usr/sbin: the commands are laid over it, in the host's own namespace.
_PLANT = f"""
mkdir -p {_STORE} /run/stand-in-lvm /dev/{GROUP}
echo "$1" >{_STORE}/size
for command in {_COMMANDS}; do cp "$2" /run/stand-in-lvm/$command; chmod 755 /run/stand-in-lvm/$command; done
mount -t overlay -o lowerdir=/run/stand-in-lvm:/usr/sbin stand-in-lvm /usr/sbin
mount -t tmpfs -o mode=755 {GROUP} /dev/{GROUP}
echo "$3" >/run/stand-in-lvm.xml
virsh --quiet --connect qemu:///system pool-define /run/stand-in-lvm.xml
virsh --quiet --connect qemu:///system pool-start {GROUP}
"""
_UPROOT = f"""
virsh --quiet --connect qemu:///system pool-destroy {GROUP}
virsh --quiet --connect qemu:///system pool-undefine {GROUP}
for file in {_STORE}/*.img; do
    [ ! -e "$file" ] || lvremove -f "/dev/{GROUP}/$(basename "$file" .img)"
done
umount /usr/sbin /dev/{GROUP}
rm -rf {_STORE} /run/stand-in-lvm
"""


@contextmanager
def volume_group(lab: RunningLab, host: str, mib: int) -> Iterator[None]:
    """The host has a volume group of this size, and a pool of its name, for the block."""
    namespace = lab.ledger.namespace(host)
    try:
        namespace.run("sh", "-euc", _PLANT, "sh", str(mib * 1024 * 1024), str(_STAND_IN), _POOL)
        yield
    finally:
        namespace.run("sh", "-uc", _UPROOT)
        # The folder is the machine's; what was mounted on it was not.
        Path(f"/dev/{GROUP}").rmdir()


def volumes(lab: RunningLab, host: str) -> dict[str, int]:
    """What LVM itself lists there: name -> bytes."""
    listed = lab.ledger.namespace(host).run("lvs", "--options", "lv_name,size", GROUP)
    lines = [line.strip().split("#") for line in listed.splitlines()]
    return {line[0]: int(line[8]) for line in lines}
