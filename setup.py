"Reads the package's metadata from settings.ini; pyproject.toml holds the tools' settings."

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

parser = ConfigParser(interpolation=None)
parser.read("settings.ini", encoding="utf-8")
meta = parser["DEFAULT"]


def lines(key):
    return [line.strip() for line in meta.get(key, "").splitlines() if line.strip()]


setup(
    name=meta["name"],
    version=meta["version"],
    description=meta["description"],
    long_description=Path("README.md").read_text(encoding="utf-8")
    if Path("README.md").is_file()
    else "",
    long_description_content_type="text/markdown",
    author=meta["author"],
    author_email=meta["author_email"],
    license_expression=meta["license"],
    license_files=["LICENSE"],
    keywords=[word.strip() for word in meta["keywords"].split(",")],
    classifiers=lines("classifiers"),
    python_requires=f">={meta['min_python']}",
    install_requires=lines("requirements"),
    extras_require={extra: lines(f"{extra}_requirements") for extra in meta["extras"].split()},
    packages=[*find_packages(include=["contact_kpis", "contact_kpis.*"]), "contact_kpis.templates"],
    package_dir={"contact_kpis.templates": "reports"},
    package_data={"contact_kpis": ["py.typed"], "contact_kpis.templates": ["*.ipynb", "*.toml"]},
    entry_points={"console_scripts": lines("console_scripts")},
    zip_safe=False,
)
