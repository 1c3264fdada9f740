"""What the storage host's daemons read, and what its disks are called: texts that follow from its layout (pure)."""

from __future__ import annotations

from ferryman.lab.layout import StorageLayout

EXPORT = "/export"
"""Under which name the hosts know the exported folder."""
ISCSI_PORT = 3260
NFS_PORT = 2049
RPC_PORT = 111
"""Where QEMU's NFS client asks on which ports NFS and its mount protocol are."""


def ganesha_conf(storage: StorageLayout) -> str:
    """NFS version 3, which QEMU's client speaks, without Kerberos; root may write."""
    return f"""\
NFS_CORE_PARAM {{
    Protocols = 3;
    Bind_addr = {storage.address};
    mount_path_pseudo = true;
    Enable_NLM = false;
    Enable_RQUOTA = false;
    NFS_Port = {NFS_PORT};
}}
NFS_KRB5 {{
    Active_krb5 = false;
}}
EXPORT {{
    Export_Id = 1;
    Path = "{storage.export}";
    Pseudo = "{EXPORT}";
    Access_Type = RW;
    Squash = No_Root_Squash;
    SecType = sys;
    FSAL {{
        Name = VFS;
    }}
}}
"""


def image_name(guest: str) -> str:
    """The name of a guest's disk image."""
    return f"{guest}.img"


def nfs_name(guest: str) -> str:
    """What libvirt calls a guest's image on the export."""
    return f"{EXPORT}/{image_name(guest)}"


def target_name(guest: str) -> str:
    """A guest's iSCSI target; each guest has one of its own."""
    return f"iqn.2024-01.lab.ferryman:{guest}"


def lun_name(guest: str) -> str:
    """What libvirt calls a guest's disk in its target. Number 0 is the target's own controller."""
    return f"{target_name(guest)}/1"
