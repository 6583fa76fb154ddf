"""The receptive field against what outputs depend on: each pixel of the input is lit alone, and light goes through
networks of positive weights and no biases; a position sees the pixels whose light comes to it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl import loads
from cnndsl.analysis import Facts, summarize, summary_text
from cnndsl.analysis.receptive import MOST_PHASES, Field, receptive_fields
from cnndsl.ir import Graph
from cnndsl.ops import window

torch = pytest.importorskip("torch")

SIZE = 240


def network(lines: str, size: int = SIZE) -> str:
    return f"network n {{\n input 1 x {size} x 1\n {lines}\n}}"


def field_of(graph: Graph) -> Field:
    return receptive_fields(graph)[graph.output.name]


def widest(text: str) -> int:
    """The most rows from the first to the last that a position depends on."""
    module = loads(text).compile().eval()
    rows = loads(text).graph.inputs[0].shape[1]
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.fill_(0 if name.endswith("bias") else 1)
        lit = module(torch.eye(rows).reshape(rows, 1, rows, 1)).sum(dim=(1, 3)) > 0
    seen = [torch.nonzero(column).flatten() for column in lit.T]
    return max(int(pixels[-1] - pixels[0]) + 1 for pixels in seen if len(pixels))


CASES = {
    "phases": ("conv 3x1, 2, /3\n upsample 3x1\n conv 3x1, 2", 6),
    "branches that look to opposite sides": (
        "add { | conv 3x1, 2, pad=[0, 2, 0, 0] | conv 3x1, 2, pad=[2, 0, 0, 0] }",
        5,
    ),
    "a pad and a crop move": ("add { | identity | pad [9, 0, 0, 0] -> crop 240x1 }", 6),
    "blind phases": ("conv_transpose 1x1, 2, /3x1\n conv 3x1, 2", 1),
    "bilinear, odd": ("avgpool 3x1, /3x1\n upsample 3x1, mode=bilinear", 6),
    "adaptive windows overlap": ("adaptive_avgpool 96x1", 3),
    "dilation on a coarse map": ("conv 3x1, 2, /2x1\n upsample 2x1\n conv 2x1, 2, pad=[1, 0, 0, 0], dilation=1", 5),
}


def test_a_slice_of_channels_that_see_alike_is_exact() -> None:
    alike = "concat { | conv 3x1, 2 | conv 5x1, 2 } -> conv 1x1, 4 -> channel_slice 0, 2 -> conv 3x1, 2"
    field = field_of(loads(network(alike)).graph)
    assert (field.size[0], field.exact) == (widest(network(alike)), True)


def test_a_draw_of_random_numbers_sees_nothing() -> None:
    fractal = "network n { input 4 x 16 x 16\n maxpool 2x2, /2\n fractal 3, drop_path=0.15 { conv 3x3, 4 -> relu } }"
    field = Facts(loads(fractal).graph).field
    assert (field.size, field.exact) == ((18, 18), True)  # four convolutions one after another, two pixels apart


def test_rows_and_columns_are_apart() -> None:
    sides = "| conv 3x1, 2, pad=[2, 0, 0, 0] | conv 1x5, 2, pad=[0, 0, 4, 0] | conv 1x3, 2, pad=[0, 0, 0, 2]"
    field = field_of(loads(f"network n {{ input 1 x 16 x 16\n add {{ {sides} }} }}").graph)
    assert (field.size, field.exact) == ((3, 7), True)


@pytest.mark.parametrize(("lines", "size"), CASES.values(), ids=CASES)
def test_the_field_of_a_known_case(lines: str, size: int) -> None:
    text = network(lines)
    field = field_of(loads(text).graph)
    assert (field.size, field.exact) == ((size, 1), True)
    assert widest(text) == size


# --- the law: networks that are drawn


@st.composite
def kept(draw: st.DrawFn) -> str:
    """A layer that keeps the size."""
    kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    room = dilation * (kernel - 1)
    above = draw(st.integers(0, room))
    return f"conv {kernel}x1, 2, pad=[{above}, {room - above}, 0, 0], dilation={dilation}"


@st.composite
def coarse(draw: st.DrawFn) -> str:
    """A coarse map and back."""
    factor = draw(st.sampled_from([2, 3, 4]))
    kernel = draw(st.integers(factor, 5))
    above = draw(st.integers(0, kernel - factor))
    down = f"conv {kernel}x1, 2, /{factor}x1, pad=[{above}, {kernel - factor - above}, 0, 0]"
    pooled = f"avgpool {factor}x1, /{factor}x1"
    crop = draw(st.integers(0, 1))
    grown = f"conv_transpose {factor + 2 * crop}x1, 2, /{factor}x1, pad={crop}x0"
    up = draw(st.sampled_from([f"upsample {factor}x1", f"upsample {factor}x1, mode=bilinear", grown]))
    return f"{draw(st.sampled_from([down, pooled]))} -> {draw(kept())} -> {up}"


def branches(steps: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    chains = st.lists(steps, min_size=1, max_size=2).map(" -> ".join)
    return st.lists(chains, min_size=2, max_size=3).map(lambda each: f"concat {{ | {' | '.join(each)} }}")


@st.composite
def drawn(draw: st.DrawFn) -> str:
    steps = kept() | coarse()
    body = draw(st.lists(steps | branches(steps), min_size=1, max_size=3))
    stride, kernel = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    return "\n ".join([*body, f"avgpool {kernel}x1, /{stride}x1"])


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_the_field_is_what_a_value_depends_on(lines: str) -> None:
    text = network(lines)
    field = field_of(loads(text).graph)
    assert field.exact
    assert field.size == (widest(text), 1)


# --- bounds


BOUNDS = {
    "unequal jumps": "add { | conv 3x1, 2, /2x1 | pad [1, 0, 0, 0] -> crop 120x1 -> conv 5x1, 2 }",
    "a gate that is no global pool": "mul { | identity | avgpool 240x1, /1 }",
    "corners that stay": "concat { | identity | avgpool 2x1, /2x1 -> upsample 2x1, mode=bilinear, align_corners=true }",
    "a slice": "concat { | conv 3x1, 2 | conv 5x1, 2 } -> channel_slice 0, 2 -> conv 3x1, 2",
}


@pytest.mark.parametrize("lines", BOUNDS.values(), ids=BOUNDS)
def test_a_bound_is_said_to_be_one_and_is_not_exceeded(lines: str) -> None:
    text = network(lines)
    graph = loads(text).graph
    assert not field_of(graph).exact
    assert widest(text) <= field_of(graph).size[0] <= 3 * SIZE
    assert "pixels at most" in summary_text(summarize(graph))


def test_branches_of_unequal_jumps_see_what_lies_between_them() -> None:
    """At the last of 8 positions one looks at pixel 7, the other at pixel 14."""
    field = field_of(loads(network("add { | avgpool 1x1, /2x1 | crop 8x1 }", 16)).graph)
    assert (field.jump, field.exact) == ((2, 1), False)
    assert field.size[0] >= widest(network("add { | avgpool 1x1, /2x1 | crop 8x1 }", 16))


def test_patterns_that_never_repeat_end_in_a_bound() -> None:
    loop = "avgpool 2x1, /2x1 -> pad [0, 1, 0, 0] -> crop 7x1 -> upsample 11x1 -> conv 3x1, 2 -> crop 14x1"
    field = field_of(loads(network("\n ".join([loop] * 4), 14)).graph)
    assert not field.exact
    assert max(len(view.spans) for views in field.views.values() for view in views) <= MOST_PHASES


def test_statistics_over_space_see_everything_and_hide_nothing() -> None:
    graph = loads("network n { input 3 x 16 x 16\n conv 3x3, 4 -> group_norm 2 -> conv 3x3, 4 }").graph
    fields = receptive_fields(graph)
    assert [fields[name].everywhere for name in ("conv1", "group_norm", "conv2")] == [False, True, True]
    assert Facts(graph).receptive_field == 5


def test_of_several_inputs_each_has_pixels_of_its_own() -> None:
    graph = loads(
        "network n {\n input 3 x 16 x 16 as a\n input 3 x 8 x 8 as b\n"
        "add { | from a -> conv 3x3, 4, /2 | from b -> conv 5x5, 4 } }"
    ).graph
    assert (Facts(graph).receptive_field, Facts(graph).field.exact) == (5, True)


@pytest.mark.parametrize(
    "reach",
    [
        lambda: window.repeated(2, 7),
        lambda: window.repeated(7, 2),
        lambda: window.interpolated(3, 7, 2),
        lambda: window.interpolated(7, 3),
        lambda: window.stretched(4, 9, 2),
        lambda: window.cut(9, 4),
        lambda: window.cut(4, 9),
        lambda: window.transposed((5, 1), (3, 1), (2, 0), (2, 1)).rows,
        lambda: window.transposed((4, 1), (6, 1), (0, 0), (4, 1)).rows,
    ],
)
def test_what_is_said_of_too_many_outputs_together_holds_for_each(
    reach: Callable[[], window.Reach], monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = reach()
    monkeypatch.setattr(window, "MOST_OUTPUTS", 1)
    bound = reach()
    assert exact.exact and (bound.outputs, bound.step, len(bound.taps)) == (exact.outputs, exact.step, 1)
    for output in range(2 * exact.outputs):
        place = Fraction(output * exact.step, exact.outputs)
        assert all(place + bound.taps[0][0] <= tap <= place + bound.taps[0][-1] for tap in exact.reads(output))


HUGE = 10**9


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        (f"conv {HUGE**2}x1, 8, pad={HUGE**2}x0", HUGE**2),
        (f"conv {HUGE}x1, 8, pad={HUGE**2}x0, dilation={HUGE}", HUGE * (HUGE - 1) + 1),
        (f"conv_transpose {HUGE}x1, 8, /{HUGE}x1", 2),
        (f"upsample {HUGE}x1 -> conv {HUGE}x1, 8, pad={HUGE}x0", 2),
        (f"upsample {HUGE}x1, mode=bilinear", 4),
        (f"adaptive_avgpool {HUGE}x1", 3),
    ],
)
def test_the_field_of_huge_windows_takes_no_time(lines: str, rows: int) -> None:
    assert field_of(loads(network(lines, 8)).graph).size == (rows, 1)
