"""What an editor shows of a text and does with it, asked without a server."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zoo import FILES

from cnndsl.checking import Request, check_file
from cnndsl.diagnostics import Report, apply_fixes
from cnndsl.editor import completion, hints, hover, lenses, outline, references, repairs, words
from cnndsl.editor.first import first_look
from cnndsl.editor.memory import change, remembered
from cnndsl.editor.occurrences import occurrences
from cnndsl.editor.positions import Position, offset_at, position_at, units
from cnndsl.editor.view import Focus, View, first_view, in_view, whole_view
from cnndsl.elaborate import Loader
from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.tensors import FACTS
from cnndsl.ops import all_layers
from cnndsl.source import Source, read_source
from cnndsl.syntax.tables import tables

SMALL = ["alexnet", "googlenet", "squeezenet", "unet"]  # files that are looked at in no time
ARCHS = FILES[0].parent
ALL = [path.stem for path in FILES]

BLOCKS = """\
# Two convolutions.
block twice(filters, stride = 1) {
    conv 3x3, filters, /stride -> relu
    conv 3x3, filters -> relu
}
"""
NETWORK = """\
use twice from "blocks.arch"

# A network.
network small(classes = 10) {
    input 3 x 32 x 32 as picture
    twice 16 as first
    maxpool 2x2, /2, round=ceil
    twice 32, stride = 2 as second : 32 x 8 x 8
    let n = 2 * classes
    global_avgpool -> linear n -> relu -> linear classes
}

network wide = small(classes = 20)
"""


@cache
def view_of(stem: str) -> View:
    return whole_view(read_source(ARCHS / f"{stem}.arch"), Request())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "blocks.arch").write_text(BLOCKS, encoding="utf-8")
    return tmp_path


def looked_at(folder: Path, text: str = NETWORK, name: str = "small.arch") -> View:
    return whole_view(Source(name, text, folder / name), Request())


def at(view: View, text: str, nth: int = 0) -> int:
    """The offset of the nth place of a text."""
    return [match.start() for match in re.finditer(re.escape(text), view.source.text)][nth]


# --- places


@given(st.text(st.sampled_from("a é𝒳\n\r\t")), st.data())
def test_places_are_those_of_utf16(text: str, data: st.DataObject) -> None:
    source = Source("t", text)
    offset = data.draw(st.integers(0, len(text)))
    place = position_at(source, offset)
    before = text[:offset]
    line_start = before.rfind("\n") + 1
    assert place == (before.count("\n"), len(text[line_start:offset].encode("utf-16-le")) // 2)
    if not text[line_start:offset].endswith("\r"):  # which belongs to the end of the line
        assert offset_at(source, place) == offset


def test_places_behind_the_end_are_the_end() -> None:
    source = Source("t", "ab\n𝒳c")
    assert offset_at(source, Position(0, 99)) == 2
    assert offset_at(source, Position(9, 0)) == 5
    assert offset_at(source, Position(1, 1)) == 3  # in the middle of a pair
    assert units("𝒳c") == 3


@given(st.text("ab\n", max_size=12), st.text("ab\n", max_size=12), st.data())
def test_what_a_change_has_not_touched_is_found_again(old: str, new: str, data: st.DataObject) -> None:
    made = change(Source("t", old), Source("t", new))
    start = data.draw(st.integers(0, len(old)))
    span = made.old.span(start, data.draw(st.integers(start, len(old))))
    moved = made.moved(span)
    assert moved is None or moved.text == span.text


# --- names


@pytest.mark.parametrize("stem", ALL)
def test_every_name_of_the_zoo_means_something(stem: str) -> None:
    source = read_source(ARCHS / f"{stem}.arch")
    found = occurrences(Loader(Report()).load_root(source))
    meant = {each.span.start for each in found}
    assert len(meant) == len(found)
    tokens = [word for word in tables().lexer.tokens(source.text) if word.type == "NAME"]
    unknown = [word for word in tokens if word.start_pos not in meant and word not in ("x", "std", *FACTS)]
    for word in unknown:
        line = source.text[: word.start_pos].rpartition("\n")[2]
        named = re.match(r"\s*=(?!=)", source.text[word.end_pos :])  # an argument of a block that a parameter brings
        assert word in choices() or named or line.split()[-1:] == ["head"] or line.split()[-2:-1] == ["head"], word


@cache
def choices() -> set[str]:
    kinds = [p.kind for cls in (*all_layers().values(), *STRUCTURES.values()) for p in cls.signature()]
    return {word for kind in kinds for word in kind.choices}


def test_definitions_are_found_in_other_files(folder: Path) -> None:
    view = looked_at(folder)
    place = references.definition_at(view, at(view, "twice 16"))
    assert (
        place is not None and place.source.path == folder / "blocks.arch" and (place.line, place.text) == (2, "twice")
    )
    place = references.definition_at(view, at(view, "stride = 2"))
    assert place is not None and (place.line, place.text) == (2, "stride")
    assert references.definition_at(view, at(view, "maxpool")) is None


def test_references_are_found_in_all_files(folder: Path) -> None:
    view = looked_at(folder)
    blocks = read_source(folder / "blocks.arch")
    found = references.references(view, at(view, "twice"), [blocks, view.source])
    assert sorted((span.source.name.rpartition("/")[2], span.line) for span in found) == [
        ("blocks.arch", 2),
        ("small.arch", 1),
        ("small.arch", 6),
        ("small.arch", 8),
    ]
    own = whole_view(blocks, Request())
    assert len(references.references(own, at(own, "twice"), [view.source])) == 4
    assert [span.line for span in references.references(view, at(view, "classes"), [blocks])] == [4, 9, 10, 13]


def test_renaming_changes_all_files(folder: Path) -> None:
    view = looked_at(folder)
    fix = references.rename(view, at(view, "twice 16"), "pair", [read_source(folder / "blocks.arch"), view.source])
    texts = apply_fixes([fix])
    assert texts["small.arch"] == NETWORK.replace("twice", "pair")
    assert texts[str(folder / "blocks.arch")] == BLOCKS.replace("twice", "pair")


@pytest.mark.parametrize(
    ("place", "name", "why"),
    [
        ("maxpool", "pool", "`maxpool` is a word of the language"),
        ("classes", "for", "`for` is not a name"),
        ("classes", "2x", "`2x` is not a name"),
        ("first", "second", "rename `first` to `second` changes what the text means: .*used twice"),
        ("twice", "relu", "changes what the text means: .*built-in layer"),
        ("ceil", "c", "there is no name here"),
        ("n = 2", "classes", "changes what the text means"),
    ],
)
def test_renaming_is_refused_where_it_would_change_the_meaning(folder: Path, place: str, name: str, why: str) -> None:
    view = looked_at(folder)
    with pytest.raises(references.RenameError, match=why):
        references.rename(view, at(view, place), name, [read_source(folder / "blocks.arch")])


def test_a_parameter_that_a_slash_gives_is_not_renamed() -> None:
    text = "network t {\n    input 3 x 8 x 8\n    b /2\n}\nblock b(stride) {\n    conv 3x3, 4, /stride\n}\n"
    view = whole_view(Source("t.arch", text), Request())
    with pytest.raises(references.RenameError, match="`/` on line 3"):
        references.rename(view, at(view, "stride)"), "by")


# --- shapes


@pytest.mark.parametrize("stem", SMALL)
def test_hints_say_what_the_text_said(stem: str) -> None:
    whole = view_of(stem)
    shapes = [flow.shape.span for flow in whole.flows if flow.shape is not None]
    stated = {span.line: " ".join(span.text.split()) for span in shapes if re.fullmatch(r"[\dx ]+", span.text)}
    text = "\n".join(
        re.sub(r" *: [\dx ]+(?= *(#|$))", "", line) if number in stated else line
        for number, line in enumerate(whole.source.text.split("\n"), start=1)
    )
    view = whole_view(Source(whole.source.name, text, whole.source.path), Request())
    shown = {view.source.position(hint.offset)[0]: hint.text for hint in hints.hints(view)}
    assert {line: shown.get(line) for line in stated} == {line: f": {shape}" for line, shape in stated.items()}
    assert stated


def test_hints_go_on_after_a_mistake(folder: Path) -> None:
    text = NETWORK.replace("maxpool 2x2", "maxpool 2x2x2").replace("let n = 2 * classes", "let n = = 2")
    shown = [(hint.text, text[: hint.offset].count("\n") + 1) for hint in hints.hints(looked_at(folder, text))]
    assert (": 16 x 32 x 32", 6) in shown and not any(line == 7 for _, line in shown)
    mended = text.replace("maxpool 2x2x2, /2, round=ceil", "conv 1x1x1, 8 : 16 x 16 x 16")
    view = looked_at(folder, mended)
    assert not view.checked.report.ok
    assert any(hint.text == ": 32 x 32 x 32" or ": 16" in hint.text for hint in hints.hints(view))


def test_a_block_of_several_shapes_shows_the_instance_in_focus(folder: Path) -> None:
    text = NETWORK.replace('use twice from "blocks.arch"\n', BLOCKS)
    view = looked_at(folder, text)
    relu = at(view, "conv 3x3, filters -> relu")
    everywhere = hover.hover(view, relu)
    assert everywhere is not None and "`16–32 x 8–32 x 8–32`" in everywhere.text and "4 places" in everywhere.text
    focus = hover.called_instance(view, at(view, "twice 32"))
    assert focus == Focus("small", "second")
    found = hover.hover(view, relu, focus)
    assert found is not None and "`32 x 8 x 8` → `32 x 8 x 8`" in found.text and "9,248 parameters" in found.text
    texts = [hint.text for hint in hints.hints(view, focus) if hint.offset < at(view, "network small")]
    assert texts == [": 32 x 8 x 8", ": 32 x 8 x 8"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("maxpool", ["layer **`maxpool`**", "`16 x 32 x 32` → `16 x 16 x 16`", "- `round`: `floor` or `ceil`"]),
        ("stride = 2", ["parameter **`stride`**", "here `1`, `2`"]),
        ("round=", ["argument **`round`** of `maxpool`"]),
        ("twice 32", ["block **`twice`**", "`16 x 16 x 16` → `32 x 8 x 8`", "Two convolutions.", "13,888 parameters"]),
        ("second", ["label **`second`**", "`32 x 8 x 8`"]),
        ("small(classes = 10)", ["network **`small`**", "A network.", "depth 6"]),
        ("linear n", ["`32 x 1 x 1` → `20`", "660 parameters, 640 MACs", "sees the whole input"]),
    ],
)
def test_hovering(folder: Path, place: str, said: list[str]) -> None:
    view = looked_at(folder)
    found = hover.hover(view, at(view, place))
    assert found is not None
    for each in said:
        assert each in found.text


def test_lenses_say_what_a_check_says() -> None:
    view = view_of("googlenet")
    found = {each.span.text: each.text for each in lenses.lenses(view)}
    assert found["googlenet"] == "6,998,552 parameters, 1,582,671,872 MACs, depth 22"
    assert found["inception"].startswith("10 calls, ")
    assert {*found} == {*view.checked.networks, "inception", "inception_bn", "conv_bn", "auxiliary"}


# --- what could stand here


@pytest.mark.parametrize(
    ("typed", "words", "not_words"),
    [
        ("    ", {"conv", "twice", "residual", "from", "input", "let"}, {"network", "floor", "first"}),
        ("    conv 3x3, 8 -> ", {"conv", "twice", "from", "each"}, {"input", "let"}),
        ("    con", {"conv", "concat"}, set()),
        ("    from ", {"first", "second", "picture", "in"}, {"conv", "n"}),
        ("    conv 3x3, 8, ", {"groups", "pad", "classes", "stride"}, {"conv", "first", "kernel"}),
        ("    conv 3x3, filters=8, /2, ", {"groups"}, {"kernel", "filters", "stride"}),
        ("    conv 3x3, 8, pad=1, ", {"groups"}, {"pad"}),
        ("    maxpool 2x2, round=", {"floor", "ceil"}, {"round=", "stride"}),
        ("    conv 3x3, 8, bias=", {"true", "false"}, set()),
        ("    twice 8, ", {"stride"}, {"groups", "filters"}),
        ("    expect ", {"params", "macs", "depth"}, {"conv"}),
        ("    let m = in.", {"channels", "height", "width"}, {"conv"}),
        ("    conv 3x3, 8 as ", set(), {"conv", "first", "n"}),
        ("    conv 3x3, 8 # ", set(), {"conv"}),
    ],
)
def test_completion_in_a_network(folder: Path, typed: str, words: set[str], not_words: set[str]) -> None:
    view = looked_at(folder)
    place = at(view, "    let n")
    text = NETWORK[:place] + typed + "\n" + NETWORK[place:]
    now = looked_at(folder, text)
    found = {
        each.word for each in completion.completions(now if now.file.complete else view, now.source, place + len(typed))
    }
    assert words <= found and not found & not_words
    assert found or not words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", {"network", "block", "let", "use"}),
        ("use ", {"conv_bn", "bottleneck"}),
        ("use conv_bn from ", {"std"}),
        ("network more = ", {"small", "wide"}),
        ("network more = wide(", {"classes"}),
        ("block b(unit: ", {"block", "int", "list"}),
    ],
)
def test_completion_outside(folder: Path, typed: str, words: set[str]) -> None:
    view = looked_at(folder)
    source = Source("small.arch", NETWORK + typed, folder / "small.arch")
    assert words <= {each.word for each in completion.completions(view, source, len(source.text))}


# --- the text as a whole


def test_the_outline_has_what_has_a_name() -> None:
    found = outline.outline(view_of("googlenet"))
    network = next(each for each in found if each.name == "googlenet")
    assert (network.kind, network.detail) == ("network", "(classes = 1000)")
    assert {("label", "inception3a"), ("head", "aux1")} <= {(each.kind, each.name) for each in network.inner}
    for entry in (*found, *(inner for each in found for inner in each.inner)):
        assert entry.span.start <= entry.at.start <= entry.at.end <= entry.span.end
        assert entry.at.text == entry.name


def test_folds_are_bodies_and_comments() -> None:
    view = view_of("googlenet")
    folds = outline.folds(view)
    assert outline.Fold(1, 4, "comment") in folds
    for fold in folds:
        last = view.source.line(fold.last + 1).strip()
        assert fold.kind == "comment" or (view.source.line(fold.first).rstrip().endswith("{") and last.startswith("}"))


@pytest.mark.parametrize("stem", SMALL)
def test_words_have_their_meanings(stem: str) -> None:
    view = view_of(stem)
    found = {word.span.start: word.kind for word in words.meant_words(view)}
    assert [*found] == sorted(found)
    for occurrence in view.occurrences:
        if occurrence.span.text.isidentifier():
            assert found[occurrence.span.start] == words.MEANINGS[occurrence.symbol.kind]
    assert {*found.values()} <= {*words.MEANT}


def test_repairs_are_those_of_the_findings(folder: Path) -> None:
    view = looked_at(folder, NETWORK.replace("maxpool", "maxpol"))
    place = at(view, "maxpol")
    (repair,) = repairs.repairs(view, place, place)
    assert repair.best and apply_fixes([repair.fix])["small.arch"] == NETWORK
    assert repairs.repairs(view, 0, 3) == []


def test_the_network_in_view_is_the_one_that_is_edited_or_the_smallest_that_has_the_block() -> None:
    view = view_of("googlenet")
    assert in_view(view, at(view, "lrn 5")) == "googlenet"
    assert in_view(view, at(view, "conv 5x5, n5")) == "inception_bottleneck"
    assert in_view(view, 0) is None
    alone = first_view(view.source, "inception_bottleneck", Request())
    assert [*alone.checked.networks] == ["inception_bottleneck"] and not alone.whole


def test_what_was_found_elsewhere_is_remembered_while_one_types(folder: Path) -> None:
    text = NETWORK + "\nnetwork other {\n    input 3 x 8 x 8\n    linear 3 -> relu6 : 4\n}\n"
    before = looked_at(folder, text)
    now = Source("small.arch", text.replace("twice 16", "twice 160"), folder / "small.arch")
    first = first_view(now, "small", Request())
    made = change(before.source, now)
    kept = [*remembered(before, first, made)]
    assert [each.code for each in kept] == [each.code for each in before.checked.report if each.span.line > 13]
    whole = whole_view(now, Request())
    assert {(each.code, each.span) for each in kept} <= {(each.code, each.span) for each in whole.checked.report}


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("expect params == 133_047_848", "expect params == 133_047_849"),
        ("expect params == 133_047_848", "expect parms == 133_047_848"),
        ("expect params == 133_047_848", "expect params == depth == 3"),
        ("expect params == 133_047_848", "expect params == 133_047_848\n    expect depth == 1"),
    ],
)
def test_the_claims_of_a_variant_are_held_at_once_and_its_layers_are_not_looked_at(written: str, instead: str) -> None:
    before = view_of("vgg")
    source = before.source
    assert source.text.count(written) == 1
    now = Source(source.name, source.text.replace(written, instead), source.path)
    found = first_look(before, now, Request())
    assert found is not None
    view, findings = found
    whole = whole_view(now, Request()).checked.report.shown
    assert [(each.code, each.span.start, each.message) for each in findings] == [
        (each.code, each.span.start, each.message) for each in whole
    ]
    assert [*view.checked.networks] != ["vgg13"] and findings


@pytest.mark.parametrize(("written", "instead"), [("vgg16 = vgg(", "vgg16 = vg("), ("vgg16 = vgg(", "vgg61 = vgg(")])
def test_a_network_that_is_lost_for_a_moment_leaves_the_others_to_look_at(written: str, instead: str) -> None:
    before = view_of("vgg")
    now = Source(before.source.name, before.source.text.replace(written, instead), before.source.path)
    found = first_look(before, now, Request())
    assert found is not None and len(found[0].checked.networks) == 1
    whole = {(each.code, each.span.start) for each in whole_view(now, Request()).checked.report}
    assert {(each.code, each.span.start) for each in found[1]} <= whole


def test_a_text_that_breaks_off_anywhere_is_no_reason_to_fail(folder: Path) -> None:
    draw = Random(0)
    text = (ARCHS / "unet.arch").read_text(encoding="utf-8") + NETWORK
    for _ in range(12):
        start = draw.randrange(len(text))
        broken = text[:start] + text[start + draw.randrange(40) :] if draw.random() < 0.5 else text[:start]
        view = looked_at(folder, broken)
        place = draw.randrange(len(broken) + 1)
        completion.completions(view, view.source, len(broken))
        hover.hover(view, place)
        references.references(view, place)
        assert hints.hints(view) is not None and lenses.lenses(view) is not None
        assert (
            outline.folds(view) is not None
            and outline.outline(view) is not None
            and words.meant_words(view) is not None
        )


def test_an_answer_needs_no_library_of_servers() -> None:
    assert check_file(Source("t.arch", NETWORK)).report is not None
    rooms = (Path(completion.__file__).parent).glob("*.py")
    assert not any(re.search(r"pygls|lsprotocol", path.read_text(encoding="utf-8")) for path in rooms)
