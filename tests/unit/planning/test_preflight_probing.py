"""Where a VM is probed from while it moves from tallinn to skopje."""

from __future__ import annotations

import pytest
from readings import ends

from ferryman.planning.findings import FindingCode, Severity
from ferryman.planning.preflight.probing import probe_findings
from ferryman.specs.vm_spec import ProbeSpec


def probed_from(host: str) -> ProbeSpec:
    return ProbeSpec.model_validate({"from": host})


@pytest.mark.parametrize("host", ["tallinn", "skopje"])
def test_from_an_end_of_its_move_is_a_warning(host: str) -> None:
    (finding,) = probe_findings(probed_from(host), ends())
    assert (finding.code, finding.severity) == (FindingCode.PROBED_FROM_AN_END, Severity.WARNING)
    assert host in finding.reason
    assert "third host" in finding.remedy


def test_from_elsewhere_is_none() -> None:
    assert probe_findings(ProbeSpec(), ends()) == probe_findings(probed_from("oslo"), ends()) == []
