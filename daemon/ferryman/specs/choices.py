"""What a spec may choose between: the closed sets of its values."""

from __future__ import annotations

from enum import StrEnum


class Method(StrEnum):
    """How a VM is moved."""

    AUTO = "auto"
    """The daemon chooses among the allowed methods and records why."""
    LIVE = "live"
    """Pre-copy: memory moves while the guest runs."""
    POST_COPY = "post-copy"
    """Begins as live; a guest that writes too fast runs on at the destination, and its memory follows."""
    PAUSED = "paused"
    """Memory moves while the guest stands still."""
    COLD = "cold"
    """The guest is shut down, its disks are copied, it is started again."""


class StorageMode(StrEnum):
    """How a VM's disks reach the destination."""

    AUTO = "auto"
    """Each disk is copied unless both hosts see the very same volume."""
    SHARED = "shared"
    """Both hosts see the same disks; nothing is copied."""
    COPY = "copy"
    """Every writable disk is copied."""


class DriftPolicy(StrEnum):
    """What to do when somebody else moved a VM."""

    REPORT = "report"
    """Say so, and leave it where it is."""
    CORRECT = "correct"
    """Move it back."""


class OnStall(StrEnum):
    """What to do with a guest that writes faster than the link carries, at the end of the downtime ladder."""

    POST_COPY = "post-copy"
    """It runs on at the destination, and its memory follows."""
    PAUSE = "pause"
    """It stands still until its memory is there, however long that takes."""
    ABORT = "abort"
    """It stays where it is; the move has failed and is tried again later."""


class Encryption(StrEnum):
    """Whether memory and disks travel under TLS."""

    REQUIRE = "require"
    """Refused where the hosts have no certificates."""
    PREFER = "prefer"
    """Where both hosts have certificates; the record says whether it was."""
    OFF = "off"


class BackingChain(StrEnum):
    """What becomes of a disk that is a layer over another image."""

    KEEP = "keep"
    """Only the layer is copied, onto the backing image that the destination has already; refused where it has not."""
    FLATTEN = "flatten"
    """The whole content is copied into one image."""


class DiskFormat(StrEnum):
    """How copied disks are kept at the destination."""

    KEEP = "keep"
    """As they were; raw where the destination's pool holds nothing else, such as logical volumes."""
    QCOW2 = "qcow2"
    RAW = "raw"


class SourceDisks(StrEnum):
    """What becomes of copied disks at the source once the VM answers at the destination."""

    KEEP = "keep"
    """They stay, named by the audit record; `ferryman gc` removes them."""
    DELETE = "delete"
