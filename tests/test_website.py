"""The documentation as a site: every page is built without a warning, and nothing of it is fetched from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import website.source
import zoo
from website.build import build

from cnndsl.diagnostics.codes import all_codes
from cnndsl.reference import by_family
from cnndsl.shipped import shipped

pytestmark = pytest.mark.filterwarnings("ignore:'myst_parser")  # of what Sphinx 11 will lack
LOADED = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*?\b(?:src|href)=["'](\w+:)?//""")


def test_every_page_is_read_without_a_warning(tmp_path: Path) -> None:
    website.source.write(tmp_path, [shipped("archs") / "lenet5.arch"], drawn=False)
    assert build(tmp_path, tmp_path / "site", "dummy") == 0


def test_a_link_that_leads_nowhere_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.md").write_text("# Page\n\n[nowhere](nowhere.md)\n")
    assert build(tmp_path, tmp_path / "site", "dummy") != 0
    assert "nowhere.md" in capsys.readouterr().err


def test_pages_that_the_first_one_does_not_name_are_in_its_list_all_the_same() -> None:
    assert "\nunheard_of\n" in website.source.index(["language", "unheard_of"])
    assert website.source.index(["language"]).count("\nlanguage\n") == 1


@pytest.mark.slow
def test_the_whole_site(tmp_path: Path) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    website.source.write(source, zoo.FILES)
    assert build(source, site) == 0
    pages = {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    networks = [name for path in zoo.FILES for name in zoo.graphs(path)]  # some need parameters, and have no page
    expected = {f"networks/{name}.html" for name in networks}
    expected |= {f"layers/{entry.word}.html" for entries in by_family().values() for entry in entries}
    expected |= {f"codes/{code.code}.html" for code in all_codes()}
    assert expected <= pages.keys()
    assert not [place for place, text in pages.items() if LOADED.search(text)]
    drawn = pages["slides.html"]
    assert drawn.count("<img") == len(re.findall(r"-o \w+\.svg$", (source / "slides.md").read_text(), re.MULTILINE))
    for name in networks:
        assert all(
            part in pages[f"networks/{name}.html"]
            for part in (f'alt="{name}: its layers', "<table", f'#network={name}"')
        )
