"""Pages from templates: one file of HTML that needs nothing else, no network and no scripts, figures and all inside."""

from typing import TYPE_CHECKING, Any

from qvar.runs import style
from qvar.simulators.errors import RunError

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

__all__ = ["drawn", "render"]


def render(template: str, **content: Any) -> str:
    """Return a page of the folder templates, filled in; whatever is filled in is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError

    environment = Environment(
        loader=PackageLoader("qvar.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    try:
        return environment.get_template(template).render(**content)
    except TemplateError as error:
        raise RunError(f"the record is damaged, or not what it should be: {error}") from error


def drawn(figure: "Figure") -> "Markup":
    """Return a figure as a part of a page; names in it are escaped."""
    from markupsafe import Markup

    return Markup(style.inline_svg(figure))
