"""Plots as SVG, of bars and points alone: no library that draws is worth its weight for two of them."""
from __future__ import annotations

import html
import math
import pathlib

ROW, LEFT, WIDTH, TOP = 26, 190, 640, 64
COLOURS = {"weir": "#1769aa", "argo99": "#8d6e63", "flagger": "#f9a825", "kayenta": "#7b1fa2", "naive": "#c62828"}
LABELS = {"weir": "Weir", "argo99": "Argo 99 %", "flagger": "Flagger", "kayenta": "Kayenta", "naive": "z, every second"}


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _page(title: str, height: int, body: list[str]) -> str:
    legend, x = [], LEFT
    for name, colour in COLOURS.items():
        legend += [f'<circle cx="{x:.0f}" cy="42" r="5" fill="{colour}"/>', _text(x + 9, 46, LABELS[name])]
        x += 120
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 40}" height="{height}" '
                      'font-family="sans-serif">', '<rect width="100%" height="100%" fill="white"/>',
                      _text(10, 22, title, size=15), *legend, *body, "</svg>", ""])


def _rows(cells: list[dict], place, value) -> list[str]:
    """A line a cell, with a point for each rule."""
    body = []
    for row, cell in enumerate(cells):
        y = TOP + ROW * row + ROW / 2
        body += [_text(LEFT - 12, y + 4, cell["name"], "end"),
                 f'<line x1="{LEFT}" y1="{y}" x2="{LEFT + WIDTH}" y2="{y}" stroke="#ddd"/>']
        for name in reversed(COLOURS):
            body += [f'<circle cx="{place(value(cell["runs"], name)):.1f}" cy="{y}" r="6" fill="{COLOURS[name]}" '
                     'fill-opacity="0.85"/>']
    return body


def _ticks(marks: list[tuple[float, str]], rows: int, place) -> list[str]:
    bottom = TOP + ROW * rows
    lines = []
    for mark, text in marks:
        x = place(mark)
        lines += [f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#eee"/>',
                  _text(x, bottom + 16, text, "middle", 11)]
    return lines


def false_rollbacks(cells: list[dict]) -> str:
    def place(share: float) -> float:
        return LEFT + WIDTH * math.sqrt(share)

    def value(runs: list[dict], name: str) -> float:
        return sum(run[name] is not None for run in runs) / len(runs)

    marks = [(share, f"{100 * share:g} %") for share in (0, 0.01, 0.05, 0.2, 0.5, 1)]
    body = _ticks(marks, len(cells), place) + _rows(cells, place, value)
    return _page("Candidates that are no worse, rolled back", TOP + ROW * len(cells) + 30, body)


def detections(cells: list[dict]) -> str:
    never = 3 * 3600

    def place(delay: float) -> float:
        return LEFT + WIDTH * math.log(max(delay, 0.1) / 0.1) / math.log(never / 0.1)

    def value(runs: list[dict], name: str) -> float:
        ordered = sorted(never if run[name] is None else run[name] for run in runs)
        return ordered[max(0, math.ceil(len(ordered) / 2) - 1)]

    marks = [(0.1, "0.1 s"), (1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (never, "never")]
    body = _ticks(marks, len(cells), place) + _rows(cells, place, value)
    return _page("Candidates that are worse: median time to the rollback", TOP + ROW * len(cells) + 30, body)


def write(folder: pathlib.Path, cells: list[dict]) -> None:
    for family, draw in (("false_rollback", false_rollbacks), ("detection", detections)):
        drawn = [cell for cell in cells if cell["family"] == family]
        if drawn:
            (folder / f"decisions_{family}.svg").write_text(draw(drawn))
