"""Nothing is heard where nobody speaks, and nobody who speaks is left out."""

from collections import defaultdict
from itertools import islice

from scripts.bench.figures import Figure
from scripts.encoding import WEBM, encode
from scripts.quality.ears import HeardRecording, heard
from scripts.quality.material import Material
from scripts.quality.noises import noises
from scripts.quality.progress import counted
from scripts.quality.section import Section, table

CLIPS = 200


def measure_silence(material: Material, clips: int = CLIPS) -> Section:
    """Bars: no character of text on any clip, no spoken sentence without text."""
    by_kind: dict[str, list[HeardRecording]] = defaultdict(list)
    chosen = islice(noises(), 0, CLIPS, max(1, CLIPS // clips))
    for noise in counted(chosen, clips, "clips without speech", material.say):
        by_kind[noise.kind].append(heard(material.transcriber, encode(noise.samples, WEBM)))
    dropped = [
        recording.text
        for recording, answer in zip(material.alone, material.heard_alone, strict=True)
        if not answer.text
    ]
    everything = [answer for answers in by_kind.values() for answer in answers]
    invented = sum(len(answer.text) for answer in everything)
    figures = [
        Figure("characters of text where nobody speaks", invented, "", 0, f"{len(everything)} clips"),
        Figure("spoken sentences dropped", len(dropped), "", 0, f"of {material.count}"),
    ]
    rows = [
        (
            kind,
            len(answers),
            f"{sum(answer.plan.duration_seconds for answer in answers):.0f} s",
            sum(bool(answer.plan.windows) for answer in answers),
            sum(len(answer.text) for answer in answers),
        )
        for kind, answers in by_kind.items()
    ]
    text = (
        "From -60 dB to -6 dB of full scale, in a WebM file with Opus. Where the speech detector finds something, the "
        "model hears it, and the guards against invented text must do the rest.\n\n"
        + table(("what", "clips", "length", "taken for speech", "characters of text"), rows)
        + "".join(f"\n\nText: “{answer.text}”" for answer in everything if answer.text)
        + "".join(f"\n\nDropped: “{text}”" for text in dropped)
    )
    return Section("silence", "Silence", figures, text)
