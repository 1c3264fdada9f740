"""One host: its own view of the file system, its daemons, its storage pool."""

from __future__ import annotations

from pathlib import Path

from ferryman.lab import certificates, host_files, keys, network
from ferryman.lab.layout import BLOCK_POOL, BLOCK_POOL_PATH, POOL, POOL_PATH, HostLayout, Layout
from ferryman.lab.ledger import OPERATOR, Ledger, make_folder
from ferryman.lab.namespaces import Namespace, hold_host

_PRIVATE = ("/run", "/etc/libvirt", "/var/lib/libvirt", "/var/log", "/var/cache/libvirt")
"""Each host has its own of these."""
_PRIVATE_IF_THERE = ("/var/lib/swtpm-localca",)
"""These too, where the machine has them: what makes the certificates of emulated TPMs."""
_LIBVIRTD_PID = Path("/run/libvirtd.pid")


def bring_up(ledger: Ledger, host: HostLayout, root_home: Path) -> None:
    """Namespaces, files, cable, daemons, pool; noted in the ledger as it goes."""
    layout = ledger.layout
    _write_files(host)
    namespace = hold_host(host.name, host.log, ledger.add_process)
    ledger.add_namespace(host.name, namespace)
    _mount(layout, host, namespace, root_home)
    network.plug_in(layout, ledger.namespace(OPERATOR), host, namespace)
    namespace.run("/usr/sbin/sshd", "-f", str(host.folder / "sshd_config"), "-E", str(host.log))
    namespace.run("virtlogd", "--daemon")
    start_libvirtd(namespace)
    pool = f"pool-define-as {POOL} dir --target {POOL_PATH}; pool-start {POOL}; pool-autostart {POOL}"
    virsh(namespace, pool)
    _make_block_pool(namespace)
    # libvirt asks QEMU what it can do when that is first needed, which takes a second or two:
    # now, rather than in the middle of the first migration to this host.
    virsh(namespace, "capabilities; domcapabilities --virttype qemu")


def start_libvirtd(namespace: Namespace) -> None:
    """Start the host's libvirtd; it answers when this returns."""
    namespace.run("libvirtd", "--daemon", "--listen", f"--pid-file={_LIBVIRTD_PID}")


def stop_libvirtd(namespace: Namespace, signal_name: str = "KILL") -> None:
    """End the host's libvirtd and wait until it is gone; its guests run on."""
    # The id in the file is the host's own numbering, as `kill` in the host's namespaces has it.
    pid = namespace.run("cat", str(_LIBVIRTD_PID)).strip()
    namespace.run("kill", f"-{signal_name}", pid)
    namespace.run("timeout", "20", "tail", "-f", f"--pid={pid}", "/dev/null", timeout_s=25)


def virsh(namespace: Namespace, *command: str, timeout_s: float = 60) -> str:
    """Run virsh on the host itself; CommandError carries libvirt's own words."""
    return namespace.run("virsh", "--quiet", "--connect", "qemu:///system", *command, timeout_s=timeout_s)


def _make_block_pool(namespace: Namespace) -> None:
    """A folder where nothing but device nodes has room, as a pool."""
    namespace.run("mkdir", "--parents", BLOCK_POOL_PATH)
    namespace.run("mount", "-t", "tmpfs", "-o", "size=64k,mode=0711", BLOCK_POOL, BLOCK_POOL_PATH)
    define = f"pool-define-as {BLOCK_POOL} dir --target {BLOCK_POOL_PATH}"
    virsh(namespace, f"{define}; pool-start {BLOCK_POOL}; pool-autostart {BLOCK_POOL}")


def _write_files(host: HostLayout) -> None:
    for path in _private():
        make_folder(_own(host, path))
    for path in ("/run/sshd", "/run/lock", "/etc/libvirt/qemu", "/var/lib/libvirt/images", "/var/log/libvirt/qemu"):
        make_folder(host.folder / path.lstrip("/"))
    etc = _own(host, "/etc/libvirt")
    (etc / "libvirtd.conf").write_text(host_files.libvirtd_conf(host))
    (etc / "qemu.conf").write_text(host_files.qemu_conf(host, tls=certificates.folder_of(host).exists()))
    (host.folder / "sshd_config").write_text(host_files.sshd_config(keys.host_key(host)))


def _mount(layout: Layout, host: HostLayout, namespace: Namespace, root_home: Path) -> None:
    for path in _private():
        namespace.bind(_own(host, path), path)
    namespace.bind(host.ssh, root_home / ".ssh")
    _hide_startup_file(namespace, root_home)
    namespace.bind(layout.hosts_file, "/etc/hosts")


def _hide_startup_file(namespace: Namespace, root_home: Path) -> None:
    """What bash runs at each SSH command: this machine's may take long, or wait for a lock, and no host is like it."""
    if (root_home / ".bashrc").exists():
        namespace.bind(Path("/dev/null"), root_home / ".bashrc")


def _private() -> list[str]:
    return [*_PRIVATE, *(path for path in _PRIVATE_IF_THERE if Path(path).is_dir())]


def _own(host: HostLayout, path: str) -> Path:
    """Where the host's own of a path really is."""
    return host.folder / path.lstrip("/")
