"""When to try again: full jitter over a doubling step, so that retries of many messages never march in step."""

RETRY_CAP_S = 4_000.0
"""Longest step; the customary cap of Postfix."""

FAILED_BASE_S = 5.0
"""First step, at most, of mail that every provider failed: to spare a provider is the business of its standing."""

FAILED_CAP_S = 300.0
"""Longest step of such mail: what troubles them with this message only will not be cured sooner."""

ALL_BAD_CAP_S = 5.0
"""Longest step while nobody is open: only probes go out, however much is due, and mail that is due leaves at once when
somebody is back.
"""

RETRY_FLOOR_S = 1.0
"""Shortest pause: jitter may draw zero, and a retry at once would only repeat the answer."""


def retry_delay_s(
    base_s: float, rounds: int, roll: float, retry_after_s: float | None = None, cap_s: float = RETRY_CAP_S
) -> float:
    """Seconds until the next try after `rounds` completed rounds (0: the first failed); `roll` in [0, 1).

    Never sooner than the other side asked for, as far as it asked for something sane (at most the customary cap).
    """
    step_s = min(cap_s, base_s * 2.0 ** min(rounds, 30))
    asked_s = min(max(retry_after_s or 0.0, 0.0), RETRY_CAP_S)
    return max(RETRY_FLOOR_S, roll * step_s, asked_s)
