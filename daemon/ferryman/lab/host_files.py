"""What a host's daemons read: texts that follow from its layout (pure)."""

from __future__ import annotations

from pathlib import Path

from ferryman.lab.layout import TLS_PATH, HostLayout, Layout


def libvirtd_conf(host: HostLayout) -> str:
    """libvirtd: its own host UUID, and plain TCP beside SSH; the lab's network is closed to the outside."""
    return f"""\
host_uuid = "{host.host_uuid}"
listen_tls = 0
listen_tcp = 1
listen_addr = "{host.address}"
auth_tcp = "none"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
"""


def qemu_conf(host: HostLayout, *, tls: bool) -> str:
    """QEMU as root without confinement: the host's namespaces are the confinement. `tls`: it has certificates."""
    return _QEMU_CONF.format(address=host.address) + (_QEMU_TLS if tls else "")


_QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
swtpm_user = "root"
swtpm_group = "root"
migration_host = "{address}"
"""
_QEMU_TLS = f"""\
default_tls_x509_cert_dir = "{TLS_PATH}"
default_tls_x509_verify = 1
"""


def sshd_config(host_key: Path) -> str:
    """Sshd: root by key only, and room for many connections at once."""
    return f"""\
HostKey {host_key}
PidFile /run/sshd.pid
AuthorizedKeysFile .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 200
MaxSessions 200
Subsystem sftp internal-sftp
"""


def hosts_file(layout: Layout) -> str:
    """`/etc/hosts` for everyone in the lab."""
    lines = ["127.0.0.1 localhost", f"{layout.operator_address} operator"]
    lines += [f"{machine.address} {machine.name}" for machine in (layout.storage, *layout.hosts)]
    return "\n".join(lines) + "\n"
