"""How the demo shows what happens: a live table on a terminal, plain lines elsewhere."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from scripts.demo_board import Standing

COLOURS = {"recorded": "dim", "queued": "yellow", "processing": "cyan", "completed": "green", "failed": "red"}
BAR_WIDTH = 16
COLUMN_WIDTH = 32
LINE_WIDTH = 72


class Display:
    """Prints lines, and answers that changed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[str, str] = {}

    def say(self, line: str = "") -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def following(self, standings: Iterable[Standing]) -> Iterator[None]:
        """Show the answers until the block ends."""
        if not self._console.is_terminal:
            yield
            return
        table = _Rows(list(standings))
        with Live(get_renderable=table.render, console=self._console, refresh_per_second=8):
            yield

    def changed(self, standing: Standing) -> None:
        """Print a line for each new status, percentage and text where there is no table."""
        line = f"  {standing.question_id}: {standing.status}"
        if standing.status == "processing":
            line += f" {standing.percent} %"
            line += f", so far: {end_of(standing.text, LINE_WIDTH)}" if standing.text else ""
        elif standing.status == "completed":
            line += f", {certainty_of(standing)}"
        if not self._console.is_terminal and self._said.get(standing.question_id) != line:
            self._said[standing.question_id] = line
            self.say(line)


class _Rows:
    def __init__(self, standings: list[Standing]) -> None:
        self._standings = standings

    def render(self) -> Table:
        table = Table("answer", "status", "transcription", "upload", "queue", "transcribe", "heard", box=None)
        for each in self._standings:
            table.add_row(
                each.question_id,
                Text(each.status, COLOURS.get(each.status, "")),
                ProgressBar(total=100, completed=each.percent, width=BAR_WIDTH),
                *(as_seconds(value) for value in (each.upload_seconds, each.queue_seconds, each.transcribe_seconds)),
                certainty_of(each) if each.status == "completed" else end_of(each.text, COLUMN_WIDTH),
            )
        return table


def end_of(text: str, width: int) -> str:
    """The newest words that have room."""
    if len(text) <= width:
        return text
    words = text[1 - width :].partition(" ")[2]
    return f"\N{HORIZONTAL ELLIPSIS} {words}"


def certainty_of(standing: Standing) -> str:
    """How sure the words of a transcript are, and whether a person should look."""
    sure = "" if standing.confidence is None else f", {standing.confidence:.0%} sure"
    return f"{len(standing.text.split())} words{sure}{', please review' if standing.needs_review else ''}"


def as_seconds(value: float | None) -> str:
    """Short times in milliseconds, long ones in seconds, unknown ones as a dash."""
    if value is None:
        return "-"
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"
