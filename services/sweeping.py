"""Everything that is swept: by every worker each few seconds, and when an operator asks for it."""

from collections.abc import Callable, Mapping

from services.container import Services

# What a process does that transcribes; others would send answers that nobody takes up yet.
OF_WORKERS = frozenset({"sent", "replaced"})


def sweeps(services: Services) -> Mapping[str, Callable[[], int]]:
    """In this order; each tells how much it did, under the name by which operators read it."""
    return {
        "erasures": services.erasure.sweep,
        "expired": services.expiry.sweep_if_time,
        "events": services.webhook_dispatch.sweep,
        **{each.kind: each.sweep for each in services.resending},
        "searchable": services.search.sweep,
        "sent": services.recovery.sweep,
        "replaced": services.review.sweep,
    }
