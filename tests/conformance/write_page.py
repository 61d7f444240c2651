"""Write explained.yaml into docs/conformance.md: `PYTHONPATH=tests python tests/conformance/write_page.py`."""

from pathlib import Path

from support.explained import page, read

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
BEGIN, END = "<!-- explained: begin -->\n", "<!-- explained: end -->"

if __name__ == "__main__":
    head, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}{page(*read())}{END}{rest.partition(END)[2]}")
