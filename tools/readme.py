"""README.md from nbs/index.ipynb: its text, its code and the outputs that its last run left.

python tools/readme.py          write README.md
python tools/readme.py check    exit 1 when README.md is not what would be written
"""

import posixpath
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOTICE = "<!-- Made from nbs/index.ipynb by `make notebooks`; edit the notebook. -->\n\n"
DIRECTIVE = re.compile(r"^#\|.*\n?", re.MULTILINE)
HIDE = re.compile(r"^#\|\s*(hide|export|default_exp)\b", re.MULTILINE)
KEPT = ("colspan", "rowspan", "href")
LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)]*)?\))")


class _Plain(HTMLParser):
    "The markup of a table without styles, classes and scripts, as code hosts would leave it."

    def __init__(self):
        super().__init__()
        self.out, self.skipping = [], 0

    def handle_starttag(self, tag, attrs):
        if tag in ("style", "script"):
            self.skipping += 1
        elif not self.skipping and tag != "div":
            kept = (f' {k}="{escape(v or "")}"' for k, v in attrs if k in KEPT)
            self.out.append(f"<{tag}{''.join(kept)}>")

    def handle_endtag(self, tag):
        if tag in ("style", "script"):
            self.skipping -= 1
        elif not self.skipping and tag != "div":
            self.out.append(f"</{tag}>")

    def handle_data(self, data):
        if not self.skipping:
            self.out.append(escape(data, quote=False))


def plain_html(html: str) -> str:
    "The tables of a stored output, without looks and without blank lines (they would end the HTML)."
    parser = _Plain()
    parser.feed(html)
    return re.sub(r"\n\s*\n", "\n", "".join(parser.out)).strip()


def from_root(markdown: str) -> str:
    "Links that are relative to nbs/, as links that are relative to the project."

    def rebase(match):
        target = posixpath.normpath(posixpath.join("nbs", match[2]))
        return f"{match[1]}{target}{match[3]}"

    return LINK.sub(rebase, markdown)


def output_text(output: nbformat.NotebookNode) -> str:
    "One stored output as Markdown: Markdown, else a table, else text."
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```"
    data = output.get("data", {})
    if "text/markdown" in data:
        return data["text/markdown"].strip()
    if "<table" in data.get("text/html", ""):
        return plain_html(data["text/html"])
    if "image/png" in data or "image/svg+xml" in data:
        raise ValueError("nbs/index.ipynb holds a figure; README.md shows text and tables only.")
    return f"```text\n{data.get('text/plain', '').rstrip()}\n```"


def render(root: Path = ROOT) -> str:
    "The text of README.md."
    parts = []
    for cell in nbformat.read(root / "nbs" / "index.ipynb", as_version=4).cells:
        if cell.cell_type == "markdown":
            parts.append(from_root(cell.source.strip()))
        elif cell.cell_type == "code" and not HIDE.search(cell.source):
            if source := DIRECTIVE.sub("", cell.source).strip():
                parts.append(f"```python\n{source}\n```")
            parts += [output_text(output) for output in cell.outputs]
    return NOTICE + "\n\n".join(part for part in parts if part) + "\n"


def write(root: Path = ROOT) -> None:
    if (root / "nbs" / "index.ipynb").is_file():
        (root / "README.md").write_text(render(root), encoding="utf-8")


if __name__ == "__main__":
    write()
