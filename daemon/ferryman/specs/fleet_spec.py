"""The fleet's file as a model: `fleet.toml`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from ferryman.specs.spec_model import SpecModel
from ferryman.specs.vm_spec import VmSettings


class FleetLimits(SpecModel):
    """How much may move at once in the whole fleet."""

    migrations: Annotated[int, Field(ge=1, le=1000)] = 4
    """Moves at a time."""


class RetrySpec(SpecModel):
    """How long a failed move waits before the next attempt: doubling from first to most."""

    first_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 5
    """After the first failure, in seconds."""
    most_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 600
    """Never longer than this, in seconds."""

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.most_s < self.first_s:
            raise ValueError(f"most_s ({self.most_s:g}) must not be less than first_s ({self.first_s:g})")
        return self


class FleetSpec(SpecModel):
    """The whole fleet: `fleet.toml`."""

    limits: FleetLimits = FleetLimits()
    retry: RetrySpec = RetrySpec()
    settle_ms: Annotated[int, Field(ge=0, le=600_000)] = 1000
    """How long a VM must answer after a move before its measurement ends."""
    defaults: VmSettings = VmSettings()
    """Used where a VM's own file says nothing."""
