"""When a failed move is tried again."""

from __future__ import annotations

from ferryman.specs.fleet_spec import RetrySpec


def delay_s(failures: int, retry: RetrySpec) -> float:
    """Doubling from `first_s` to `most_s`; 0 before the first failure.

    Example: first 5, most 600: 5, 10, 20, 40, … 600.
    """
    if failures == 0:
        return 0.0
    return float(min(retry.most_s, retry.first_s * 2 ** min(failures - 1, 32)))
