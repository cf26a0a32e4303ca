"""How figures look: widths of journal columns, fonts, colours that all can tell apart, files that never change.

Colours are those of Okabe and Ito (2008) without their yellow, which is too pale for a line on paper. Dashes and marks
are a second cue, so that a figure can be read in black and white. Matplotlib is loaded when something is drawn.
"""

import io
import re
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from qvar.simulators.errors import RunError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

__all__ = [
    "ACCENT",
    "COLOURS",
    "COLUMN",
    "FLOOR",
    "FORMATS",
    "GREY",
    "MARKS",
    "PAGE",
    "SETTINGS",
    "band",
    "describe",
    "image",
    "inline_svg",
    "legend",
    "line",
    "new_figure",
    "parse_formats",
    "styled",
    "unit",
]

COLUMN = 3.4
"""Width of a figure in one of two columns, inches."""

PAGE = 7.0
"""Width of a figure across both columns, inches."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Blue, vermilion, green, purple, orange, sky blue, black."""

ACCENT = "#D55E00"
"""Of what is aimed at or marked."""

GREY = "#6B6B6B"
"""Of what is only there to compare with."""

FLOOR = 1e-12
"""Where errors are drawn that are smaller, on logarithmic axes, which have no zero."""

MARKS = "osD^vP*X"
_DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))

FORMATS = ("pdf", "svg", "png")
"""What figures can be written as."""

SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],  # the first comes with matplotlib
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "figure.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": False,
    "axes.axisbelow": True,
    "grid.color": "#D9D9D9",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,  # TrueType: text stays text
    "svg.fonttype": "none",
    "svg.hashsalt": "qvar",
}
"""What differs from matplotlib's defaults."""

_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "qvar"},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": "qvar", "Producer": None},
    "png": {"Software": None},
}

_ROOT = "stroke-linejoin: round; stroke-linecap: butt; font-family: 'DejaVu Sans', Verdana, Arial, sans-serif"
_SHORTER = {
    r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->": "",
    r"font-family: [^;\"]*;? ?": "",
    r' transform="rotate\(-0 [^"]*"': "",
    r"<defs>\s*</defs>": "",
    r'(<use [^>]*) style="stroke: #000000; stroke-width: [0-9.]+"': r"\1",  # ticks, which have it from their shape
    r"\s*\n\s*": "\n",
}
"""What an element of a page does without, and what stands instead: patterns of matplotlib's SVG."""

_GROUP = re.compile(r"<g>\n((?:(?!</?g[ >]).)*?)</g>\n", re.DOTALL)
"""A group that says nothing of what is in it."""

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Return a function that draws as here described, whatever the user has set in matplotlib."""

    @wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(cast(Any, SETTINGS))
            return draw(*args, **kwargs)

    return wrapped


def new_figure(width: float = PAGE, height: float = 3.4) -> "Figure":
    """Return an empty figure, inches; what is drawn in it is laid out so that nothing overlaps."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def line(number: int, *, marks: bool = False) -> dict[str, Any]:
    """Return colour and dashes of a line, and on request marks along it; 35 in a row differ.

    Args:
        number: which line of the figure, from 0.
        marks: whether to mark the line every so often, at other places than its neighbours.
    """
    colour = COLOURS[number % len(COLOURS)]
    style = {"color": colour, "linestyle": _DASHES[(number // len(COLOURS) + number) % len(_DASHES)]}
    if not marks:
        return style
    where = (0.03 + 0.02 * (number % 5), 0.16)
    return style | {"marker": MARKS[number % len(MARKS)], "markevery": where, "markersize": 3.5}


def band(number: int) -> dict[str, Any]:
    """Return the look of the band around a line."""
    return {"color": COLOURS[number % len(COLOURS)], "alpha": 0.16, "linewidth": 0}


def legend(axes: "Axes", *, title: str | None = None, outside: bool = False) -> "Legend":
    """Add a legend, inside or beside the axes; names in it are no formulas."""
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if outside else {}
    made = axes.legend(title=title, alignment="left", **place)
    for text in (*made.get_texts(), made.get_title()):
        text.set_parse_math(False)
    return made


def describe(figure: "Figure", title: str, text: str) -> None:
    """Give a figure its title, and the words that stand for it where it cannot be seen."""
    figure.suptitle(title, parse_math=False, x=0.01, ha="left")
    figure.set_label(text)


@styled
def image(figure: "Figure", kind: str, *, dpi: int = 300) -> bytes:
    """Return a figure as a PDF, SVG or PNG file, the same bytes every time.

    Args:
        figure: the figure.
        kind: one of `FORMATS`.
        dpi: dots per inch, of a PNG and of what is not drawn by lines.
    """
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, dpi=dpi, metadata=_METADATA[kind])
    return stream.getvalue()


def inline_svg(figure: "Figure") -> str:
    """Return a figure as an element of an HTML page, with its description; its identities are its own on the page."""
    text = image(figure, "svg", dpi=150).decode()
    text = text[text.index("<svg") :]
    for pattern, instead in _SHORTER.items():
        text = re.sub(pattern, instead, text, flags=re.DOTALL)
    text = re.sub(r' (?:d|x|y)="[^"]*"', lambda m: re.sub(r"(\.\d)\d+", r"\1", m[0]), text)  # a tenth of a point
    own = f"f{sha256(text.encode()).hexdigest()[:8]}-"
    used = set(re.findall(r'(?:url\(#|xlink:href="#)([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{own}{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(url\(#|xlink:href="#)', rf"\g<1>{own}", text)
    while (shorter := _GROUP.sub(r"\1", text)) != text:
        text = shorter
    words = escape(str(figure.get_label()), quote=True)
    return text.replace("<svg", f'<svg role="img" aria-label="{words}" style="{_ROOT}"', 1).strip()


def unit(name: str) -> str:
    """Return the name of a unit as an axis shows it."""
    return "hartree" if name == "Ha" else name


def parse_formats(text: str) -> tuple[str, ...]:
    """Return the formats in a text such as "pdf,svg".

    Raises:
        RunError: for one that is not known, or the same one twice.
    """
    wanted = tuple(word.strip() for word in text.split(","))
    if not set(wanted) <= set(FORMATS) or len(set(wanted)) < len(wanted):
        raise RunError(f"figures can be written as {', '.join(FORMATS)}, each once, got {text!r}")
    return wanted
