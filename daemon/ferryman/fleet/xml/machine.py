"""What a domain's XML says of the machine it needs: pure functions over libvirt's documented format."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from ferryman.fleet.machine import MachineNeeds, Tpm
from ferryman.fleet.survey import HostCpu

AGENT_CHANNEL = "org.qemu.guest_agent.0"
_WITH_QEMU = ("/usr/share/qemu/", "/usr/share/seabios/")
_EXPANDED_MODES = frozenset({"", "custom"})
"""Of `<cpu mode>`: those whose XML names a model that another host can be asked about."""


def machine_needs(xml: str, host_cpu_xml: str = "") -> MachineNeeds:
    """What the VM needs. `host_cpu_xml`: its host's own processor, which counts where it is passed through.

    Of a running VM this must be the live XML: there libvirt has written out what `host-model` came to.
    """
    root = ET.fromstring(xml)
    kind = root.find("./os/type")
    cpu = root.find("./cpu")
    passed_through = cpu is not None and cpu.get("mode") == "host-passthrough"
    return MachineNeeds(
        architecture="" if kind is None else kind.get("arch", ""),
        machine="" if kind is None else kind.get("machine", ""),
        virtualization=root.get("type", ""),
        emulator=_text(root, "./devices/emulator"),
        cpu_xml=host_cpu_xml if passed_through else _named_model(cpu),
        cpu_passed_through=passed_through,
        loader=_listed_loader(root),
        nvram=_nvram_file(root),
        nvram_device=_nvram_device(root),
        tpm=_tpm(root),
        guest_agent=_agent(root),
    )


def passes_cpu_through(xml: str) -> bool:
    """The guest sees its host's very processor."""
    return machine_needs(xml).cpu_passed_through


def host_cpu(capabilities: str) -> str:
    """A host's own processor as its capabilities tell it, for others to be compared with; empty: it does not tell."""
    cpu = ET.fromstring(capabilities).find("./host/cpu")
    if cpu is None or cpu.find("model") is None:
        return ""
    return ET.tostring(cpu, encoding="unicode").strip()


def loaders(domain_capabilities: str) -> frozenset[str]:
    """The firmware that a host's libvirt knows of, by path."""
    nodes = ET.fromstring(domain_capabilities).iterfind("./os/loader/value")
    return frozenset(node.text for node in nodes if node.text)


def _named_model(cpu: ET.Element | None) -> str:
    if cpu is None or cpu.get("mode", "") not in _EXPANDED_MODES or cpu.find("model") is None:
        return ""
    return ET.tostring(cpu, encoding="unicode").strip()


def _listed_loader(root: ET.Element) -> str:
    """Its firmware, where that is of a kind that libvirt lists: no BIOS that comes with QEMU."""
    node = root.find("./os/loader")
    if node is None or (node.get("type", "rom") == "rom" and _text(root, "./os/loader").startswith(_WITH_QEMU)):
        return ""
    return _text(root, "./os/loader")


def _nvram_file(root: ET.Element) -> str:
    """Written as the element's text, or, where libvirt 8.5 or later wrote it, as that of its source."""
    source = root.find("./os/nvram/source")
    return _text(root, "./os/nvram") or ("" if source is None else source.get("file", ""))


def _nvram_device(root: ET.Element) -> str:
    nvram, source = root.find("./os/nvram"), root.find("./os/nvram/source")
    kind = "file" if nvram is None else nvram.get("type", "file")
    if kind == "file":
        return ""
    attributes = {} if source is None else source.attrib
    names = (attributes.get(name) for name in ("dev", "name", "volume"))
    return f"{kind} {next((name for name in names if name), '(unnamed)')}"


def _tpm(root: ET.Element) -> Tpm:
    kinds = {node.get("type", "") for node in root.iterfind("./devices/tpm/backend")}
    if not kinds:
        return Tpm.NONE
    return Tpm.PASSED_THROUGH if "passthrough" in kinds else Tpm.EMULATED


def _agent(root: ET.Element) -> bool:
    """Whether its agent is connected; of a VM that is off: whether it has a channel for one."""
    for target in root.iterfind("./devices/channel/target"):
        if target.get("name") == AGENT_CHANNEL:
            return target.get("state", "connected") == "connected"
    return False


def _text(root: ET.Element, path: str) -> str:
    return (root.findtext(path) or "").strip()


def host_model(capabilities: str) -> HostCpu:
    """A host's own processor by name."""
    cpu = ET.fromstring(capabilities).find("./host/cpu")
    if cpu is None:
        return HostCpu(model="", features=frozenset())
    names = (node.get("name", "") for node in cpu.iterfind("./feature"))
    return HostCpu(model=cpu.findtext("./model", ""), features=frozenset(names))
