"""Draws SVG pictures that can be read on light and on dark pages; the same figures make the same file."""

from collections.abc import Sequence

from scripts.quality.calibration import Bin

WIDTH, HEIGHT, LEFT, TOP = 560, 400, 60, 30
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - 20, HEIGHT - TOP - 60
BARS_A_SIDE = 20
STYLE = """<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .axis { stroke: #57606a; fill: none } .ideal { stroke: #57606a; stroke-dasharray: 5 4 }
  .after { fill: #0969da; stroke: #0969da } .before { fill: none; stroke: #bc4c00; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .axis, .ideal { stroke: #9198a1 }
    .after { fill: #4493f8; stroke: #4493f8 } .before { stroke: #f0883e }
  }
</style>"""


def reliability(before: Sequence[Bin], after: Sequence[Bin], temperature: float) -> str:
    """Of the words in each bin, how many were right, over their mean probability; the area of a dot is their number."""
    most = max(each.count for each in (*before, *after))
    parts = [f'<line class="ideal" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>']
    for bins, name in ((after, "after"), (before, "before")):
        for each in bins:
            if each.count:
                radius = max(2.5, 14 * (each.count / most) ** 0.5)
                place = f'cx="{_x(each.confidence)}" cy="{_y(each.accuracy)}" r="{radius:.1f}"'
                parts.append(f'<circle class="{name}" fill-opacity="0.6" {place}/>')
    for step in range(6):
        parts.append(_text(_x(step / 5), _y(0) + 20, f"{step / 5:.1f}", "middle"))
        parts.append(_text(LEFT - 8, _y(step / 5) + 4, f"{step / 5:.1f}", "end"))
    parts += [
        f'<circle class="before" cx="{LEFT + 20}" cy="{TOP + 20}" r="6"/>',
        _text(LEFT + 32, TOP + 24, "T = 1", "start"),
        f'<circle class="after" fill-opacity="0.6" cx="{LEFT + 20}" cy="{TOP + 42}" r="6"/>',
        _text(LEFT + 32, TOP + 46, f"T = {temperature:g}", "start"),
    ]
    return _picture(parts, "Share of words heard right, over their mean probability", "mean probability in a bin")


def histogram(values: Sequence[float], unit: str, what: str, width: float = 20.0) -> str:
    """How many values lie in each step of `width`; those farther out than 20 steps are in the first and the last."""
    counts = [0] * (2 * BARS_A_SIDE)
    for value in values:
        counts[min(len(counts) - 1, max(0, int(value // width) + BARS_A_SIDE))] += 1
    most, each = max(counts), PLOT_WIDTH / len(counts)
    parts = []
    for index, count in enumerate(counts):
        height = PLOT_HEIGHT * count / most
        place = (
            f'x="{LEFT + index * each + 1:.1f}" y="{_y(0) - height:.1f}" width="{each - 2:.1f}" height="{height:.1f}"'
        )
        parts.append(f'<rect class="after" fill-opacity="0.6" {place}/>')
    parts += [
        _text(LEFT + index * each, _y(0) + 20, f"{(index - BARS_A_SIDE) * width:g}", "middle")
        for index in range(0, len(counts) + 1, 5)
    ]
    parts.append(_text(LEFT - 8, TOP + 4, str(most), "end"))
    return _picture(parts, f"{what.capitalize()} by the error of their start", unit)


def _picture(parts: Sequence[str], title: str, below: str) -> str:
    frame = f'<rect class="axis" x="{LEFT}" y="{TOP}" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}"/>'
    labels = [_text(LEFT, TOP - 10, title, "start"), _text(LEFT + PLOT_WIDTH / 2, HEIGHT - 14, below, "middle")]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
    return "\n".join([head, STYLE, frame, *parts, *labels, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _x(share: float) -> float:
    return round(LEFT + PLOT_WIDTH * share, 1)


def _y(share: float) -> float:
    return round(TOP + PLOT_HEIGHT * (1 - share), 1)
