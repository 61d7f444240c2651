"""A page that stands alone, and what all such pages are made of: its styles in it, nothing from elsewhere.  Pure."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from importlib.resources import files


def page(title: str, body: str) -> str:
    """Return a whole page; `body` is markup of ours, `title` any text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{escape(title)}</title><style>{_styles()}</style></head><body><main>{body}</main></body></html>\n"
    )


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Return names and what they stand for."""
    return f"<dl>{''.join(f'<dt>{escape(k)}</dt><dd>{escape(v)}</dd>' for k, v in rows)}</dl>"


def heads(columns: Iterable[tuple[str, str]]) -> str:
    """Return a table's head; each column is its words and its class."""
    cells = "".join(
        f'<th class="{kind}">{escape(head)}</th>' if kind else f"<th>{escape(head)}</th>" for head, kind in columns
    )
    return f"<thead><tr>{cells}</tr></thead>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], first: str = "", last: str = "") -> str:
    """Return a table of plain texts; `first` and `last` are classes of its outer columns."""

    def cell(n: int, text: str) -> str:
        kind = first if n == 0 else last if n == len(columns) - 1 else ""
        return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"

    body = "".join(f"<tr>{''.join(cell(n, t) for n, t in enumerate(row))}</tr>" for row in rows)
    return f"<table>{heads((h, '') for h in columns)}<tbody>{body}</tbody></table>"


@lru_cache(maxsize=1)
def _styles() -> str:
    return files(__package__).joinpath("report.css").read_text(encoding="utf-8")
