"Every notebook runs from top to bottom in a fresh kernel; its file stays as it is."

import pytest

from tools import notebooks

LESSONS = [path.relative_to(notebooks.ROOT).as_posix() for path in notebooks.lessons()]


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_runs(name):
    path = notebooks.ROOT / name
    before = path.read_bytes()
    notebooks.run(path)
    assert path.read_bytes() == before


def test_a_lesson_that_fails_is_noticed(tmp_path):
    nb = notebooks.nbformat.v4.new_notebook()
    nb.cells = [notebooks.nbformat.v4.new_code_cell("assert 1 == 2")]
    notebooks.nbformat.write(nb, tmp_path / "wrong.ipynb")
    with pytest.raises(notebooks.CellExecutionError):
        notebooks.run(tmp_path / "wrong.ipynb")
