"""Check a built site: links to pages, files and anchors lead somewhere, and no page needs a network to be shown.

Run: python docs/site/check_links.py site
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
NOT_FETCHED = {"canonical", "prev", "next"}  # <link rel="..."> that browsers do not load


class Page(HTMLParser):
    """Anchors of a page, where its links lead, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of one tag."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        source = found.get(LOADED.get(tag, ""))
        if source and found.get("rel") not in NOT_FETCHED:
            self.loaded.append(source)


def problems_of(site: Path) -> list[str]:
    """Return one line for every broken link and for everything that would be fetched from elsewhere."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        return [f"{site} holds no pages"]
    return [problem for path, page in pages.items() for problem in _problems(path, page, pages, site)]


def _problems(path: Path, page: Page, pages: dict[Path, Page], site: Path) -> list[str]:
    name = path.relative_to(site)
    fetched = [url for url in page.loaded if urlsplit(url).netloc]
    found = [f"{name}: loads {url} from a network" for url in fetched]
    for url in dict.fromkeys([*page.links, *page.loaded]):
        parts = urlsplit(url)
        if parts.scheme or parts.netloc or path.name == "404.html":  # the 404 page links from the root of a server
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if target.is_dir():
            target = target / "index.html"
        if not target.exists():
            found.append(f"{name}: {url} leads to no file")
        elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
            found.append(f"{name}: {url} names no anchor there")
    return found


def main() -> int:
    """Print what is wrong and return the exit status."""
    site = Path(sys.argv[1]).resolve()
    problems = problems_of(site)
    sys.stdout.write("".join(f"{problem}\n" for problem in problems) or "all links of the site lead somewhere\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
