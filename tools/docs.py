"""The documentation's sources and navigation.

`python tools/docs.py` copies the notebooks and the project's own pages into _docs/, where mkdocs
looks, and writes a page for each KPI. As a hook of mkdocs.yml it makes the navigation in the order of the house, and turns links
between notebooks into links between pages; a link that leads nowhere breaks the strict build.
"""

import logging
import posixpath
import re
import shutil
from pathlib import Path

import nbformat
from latex2mathml.converter import convert

from contact_kpis import catalogue
from contact_kpis.metrics.pages import write_pages

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "_docs"
PAGES = ("ARCHITECTURE.md", "DECISIONS.md", "CONTRIBUTING.md")
# Folders of nbs/ from left to right, as ARCHITECTURE.md draws them.
FOLDERS = "stats show data metrics experience outcomes operations governance reporting kpis".split()
ENDINGS = (".ipynb", ".md")
LINK = re.compile(r'(<a\b[^>]*?\bhref=")([^"#:]+\.(?:ipynb|md))(#[^"]*)?(")')
CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\\w$])\$(?=\S)([^$\n]+?)(?<=\S)\$(?![\w$])", re.DOTALL)
log = logging.getLogger("mkdocs.hooks.docs")


def math_as_mathml(markdown: str) -> str:
    "Formulas as MathML, which browsers draw without a script; code stays as it is."

    def formula(match):
        block, inline = match.groups()
        return convert((block or inline).strip(), display="block" if block else "inline")

    parts = CODE.split(markdown)
    parts[::2] = [MATH.sub(formula, part) for part in parts[::2]]
    return "".join(parts)


def copy_notebook(source: Path, target: Path) -> None:
    nb = nbformat.read(source, as_version=4)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = math_as_mathml(cell.source)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, target)


def collect() -> None:
    "Fill _docs/ anew."
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    for path in sorted((ROOT / "nbs").rglob("*.ipynb")):
        name = path.relative_to(ROOT / "nbs")
        if not any(part[0] in "._" for part in name.parts):
            copy_notebook(path, TARGET / name)
    for name in PAGES:
        if (ROOT / name).is_file():
            text = (ROOT / name).read_text(encoding="utf-8").replace("](nbs/", "](")
            (TARGET / name).write_text(text, encoding="utf-8")
    write_pages(catalogue, TARGET / "kpis")
    if not (TARGET / "index.ipynb").is_file():
        (TARGET / "index.md").write_text("# contact_kpis\n", encoding="utf-8")


def navigation(docs: Path = TARGET) -> list:
    "Front page, notebooks of the top, a section for each folder, then the project's own pages."
    front = [path.name for path in docs.glob("index.*")]
    top = sorted(p.name for p in docs.glob("*.ipynb") if p.name not in front)
    folders = sorted((p for p in docs.iterdir() if p.is_dir()), key=_place)
    sections = [
        {
            p.name: sorted(
                f.relative_to(docs).as_posix() for f in p.rglob("*") if f.suffix in ENDINGS
            )
        }
        for p in folders
    ]
    return [
        *front,
        {"basics": top},
        *sections,
        {"the project": [n for n in PAGES if (docs / n).is_file()]},
    ]


def _place(folder: Path) -> tuple[int, str]:
    known = folder.name in FOLDERS
    return (FOLDERS.index(folder.name) if known else len(FOLDERS), folder.name)


def on_config(config):
    sections = navigation(Path(config.docs_dir))
    config.nav = [s for s in sections if isinstance(s, str) or all(s.values())]
    return config


def on_post_page(output, page, config):
    "Links to notebooks and pages, as the browser needs them."
    here = posixpath.dirname(page.file.src_uri)

    def to_page(match):
        before, target, anchor, after = match.groups()
        source = posixpath.normpath(posixpath.join(here, target))
        if here == "" and source.startswith(
            "../"
        ):  # nbs/ is the top of the site, the project was above
            source = source.removeprefix("../")
        if not (Path(config.docs_dir) / source).is_file():
            log.warning(f"{page.file.src_uri} links to {target}, which is not a page")
        url = posixpath.relpath(re.sub(r"\.(ipynb|md)$", ".html", source), here or ".")
        return f"{before}{url}{anchor or ''}{after}"

    return LINK.sub(to_page, output)


if __name__ == "__main__":
    collect()
