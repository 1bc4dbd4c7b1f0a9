"""Reads report.html."""

from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """The elements and the visible words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.data: dict[str, str] = {}
        self._inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attributes)
        self.links += [value for key in ("src", "href") if (value := named.get(key)) is not None]
        self._inside = (named.get("id") or "script") if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        if tag in ("td", "th", "dt", "dd", "p"):
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data[self._inside] = self.data.get(self._inside, "") + data
        else:
            self.words.append(data)


def page(folder: Path) -> Page:
    parsed = Page()
    parsed.feed((folder / "report.html").read_text())
    return parsed


def text(folder: Path) -> str:
    """The visible words of a page, with a space between the cells of a table."""
    return " ".join("".join(page(folder).words).split())
