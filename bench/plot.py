"""Draws panels as a PNG: `python plot.py PANELS.json PLOT.png`, in an environment of its own, because only this needs matplotlib."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot

_COLUMNS = 3
_INCHES = 5.2, 3.8
_ROOM = 0.15  # of the height, above all bars: for the legend


def draw(panels: Sequence[Mapping[str, Any]], path: Path) -> None:
    rows = -(-len(panels) // _COLUMNS)
    figure, axes = pyplot.subplots(rows, _COLUMNS, figsize=(_COLUMNS * _INCHES[0], rows * _INCHES[1]), squeeze=False)
    places = [place for row in axes for place in row]
    for place, panel in zip(places, panels, strict=False):
        place.set_title(panel["title"], fontsize=11)
        _bars(place, panel) if "bars" in panel else _lines(place, panel)
        place.grid(axis="y", alpha=0.3)
    for place in places[len(panels) :]:
        place.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _bars(place: Any, panel: Mapping[str, Any]) -> None:
    """Medians, with the least and the most of the rounds."""
    groups, series = panel["groups"], panel["bars"]
    width = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        at = [group + (number - (len(series) - 1) / 2) * width for group in range(len(groups))]
        errors = [[median - low for median, low, _ in values], [high - median for median, _, high in values]]
        place.bar(at, [median for median, _, _ in values], width, yerr=errors, label=name, error_kw={"lw": 0.8})
    place.axhline(1.0, color="black", lw=0.6)
    place.set_xticks(range(len(groups)), groups, fontsize=8)
    place.margins(y=_ROOM)
    place.legend(fontsize=8, loc="upper center", ncols=len(series))


def _lines(place: Any, panel: Mapping[str, Any]) -> None:
    for name, (sizes, costs) in panel["lines"].items():
        place.plot(sizes, costs, marker="o", ms=4, label=name)
    place.set_xlabel(panel["x"], fontsize=9)
    place.set_xlim(left=0)
    place.set_ylim(bottom=0)
    place.legend(fontsize=8)


if __name__ == "__main__":
    pyplot.switch_backend("Agg")  # no screen is needed
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
