"""Ten-minute recordings: the same sentences heard among long pauses, and whether times still hold at the end."""

from dataclasses import dataclass

from scripts.bench.figures import Figure
from scripts.quality.ears import HeardRecording
from scripts.quality.matching import errors, matched
from scripts.quality.material import Material
from scripts.quality.recordings import Recording, Said
from scripts.quality.section import Section, table

BAR_POINTS = 1.0
BAR_SECONDS = 0.3
END_SECONDS = 60.0
WORST = 10


def measure_long(material: Material) -> Section:
    """Bars: within 1 point of the same sentences heard alone; no time in the last minute off by more than 0.3 s."""
    alone = errors([each.text for each in material.alone], [each.text for each in material.heard_alone])
    pairs = list(zip(material.long, material.heard_long, strict=True))
    joined = errors([each.text for each, _ in pairs], [each.text for _, each in pairs])
    rows, worst = [], list[tuple[int, Off]]()
    for number, (recording, heard) in enumerate(pairs, start=1):
        last = times_off(recording, heard, since=recording.seconds - END_SECONDS)
        worst += [(number, each) for each in last]
        rows.append((f"{number}: {recording.seconds:.0f} s", *_row(recording, heard), _spread(last)))
    worst.sort(key=lambda each: -abs(each[1].off))
    farthest = abs(worst[0][1].off) if worst else float("nan")
    figures = [
        Figure(
            "WER of long recordings above the same sentences alone",
            joined.percent - alone.percent,
            "points",
            BAR_POINTS,
        ),
        Figure("time farthest off in the last minutes", farthest, "s", BAR_SECONDS, f"of {len(worst)} times"),
    ]
    head = ("recording", "windows", "WER", "sentences dropped", "first minute: median, farthest off", "last minute")
    text = (
        f"The same {material.count} sentences in a random order with pauses of 0.3 s to 20 s between them (as many "
        f"between 0.3 s and 0.6 s as between 10 s and 20 s): {joined.percent:.2f} % against {alone.percent:.2f} % "
        "alone. Times are the starts of words that were heard right, and the starts and ends of segments whose first "
        "or last word was heard right and is the first or last of its sentence.\n\n"
        f"{table(head, rows)}\n\nFarthest off at the end:\n\n"
    )
    lines = [(each.what, number, f"{each.place:.2f} s", f"{each.off:+.3f} s") for number, each in worst[:WORST]]
    return Section("long", "Ten minutes at once", figures, text + table(("what", "recording", "place", "off"), lines))


def _row(recording: Recording, heard: HeardRecording) -> tuple[object, ...]:
    own = errors([recording.text], [heard.text])
    first = [each for each in times_off(recording, heard, since=0.0) if each.place < END_SECONDS]
    dropped = f"{_dropped(recording, heard)} of {len(recording.said)}"
    return len(heard.plan.windows), f"{own.percent:.2f} %", dropped, _spread(first)


@dataclass(frozen=True, slots=True)
class Off:
    """How many seconds after its true place something is said to be."""

    off: float
    place: float
    what: str


def times_off(recording: Recording, heard: HeardRecording, *, since: float) -> list[Off]:
    """How far each time is off whose true place is so many seconds or more from the beginning."""
    found: list[Off] = []
    starts = {id(segment.words[0]): segment.start for segment in heard.segments if segment.words}
    ends = {id(segment.words[-1]): segment.end for segment in heard.segments if segment.words}
    first = {id(said.words[0]): said for said in recording.said}
    last = {id(said.words[-1]): said for said in recording.said}
    for said, word in matched(recording.words, heard.words).right:
        if said.start is not None:
            found.append(Off(word.start - said.start, said.start, f"word “{said.text}”"))
        if id(said) in first and id(word) in starts:
            place = first[id(said)].start
            found.append(Off(starts[id(word)] - place, place, f"start of “{first[id(said)].text}”"))
        if id(said) in last and id(word) in ends:
            place = last[id(said)].end
            found.append(Off(ends[id(word)] - place, place, f"end of “{last[id(said)].text}”"))
    return [each for each in found if each.place >= since]


def _spread(off: list[Off]) -> str:
    ordered = sorted(abs(each.off) for each in off)
    return f"{ordered[len(ordered) // 2]:.3f} s, {ordered[-1]:.3f} s" if ordered else "none"


def _dropped(recording: Recording, heard: HeardRecording) -> int:
    """Sentences in whose time nothing at all was heard."""
    return sum(not any(_overlap(said, word.start, word.end) for word in heard.words) for said in recording.said)


def _overlap(said: Said, start: float, end: float) -> bool:
    return min(said.end, end) > max(said.start, start)
