"""How a stretch that was not heard is shown, so that nobody takes the text around it for all that was said."""

from services.models import Gap


def text_of_gap(gap: Gap) -> str:
    """For people: from when to when, in seconds."""
    return f"[… not heard: {gap.start:.1f}\N{EN DASH}{gap.end:.1f} s]"
