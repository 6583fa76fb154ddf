"""Our `dataclass` and the standard library's make classes that do the same."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from cnndsl import records


def classes(dataclass: Callable[..., Any], field: Callable[..., Any]) -> dict[str, Any]:
    """The same classes, made by one or the other."""

    @dataclass
    class Plain:
        a: int
        b: list[int] = field(default_factory=list)
        c: int = 3
        known: ClassVar[int] = 7

    @dataclass(frozen=True)
    class Base:
        a: int
        b: int = field(default=2, kw_only=True)

        def __post_init__(self) -> None:
            if self.a < 0:
                raise ValueError("negative")

    @dataclass(frozen=True)
    class Derived(Base):
        c: dict[str, int] = field(default_factory=dict, hash=False, repr=False)

    @dataclass(frozen=True)
    class Moved(Base):
        a: int = 9

    @dataclass(frozen=True, slots=True)
    class Slotted:
        """Documented."""

        a: int
        b: int = 2
        c: int = field(default=1, compare=False)

    @dataclass(frozen=True, eq=False, repr=False)
    class Itself:
        a: int

    @dataclass(frozen=True)
    class Empty:
        pass

    @dataclass(frozen=True)
    class Own:
        a: int
        late: int = field(init=False, compare=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "late", self.a + 1)

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self))

        def __repr__(self) -> str:
            return "own"

    return {each.__name__: each for each in (Plain, Base, Derived, Moved, Slotted, Itself, Empty, Own)}


OURS, STANDARD = classes(records.dataclass, records.field), classes(dataclasses.dataclass, dataclasses.field)
CALLS: tuple[tuple[tuple[int, ...], dict[str, int]], ...] = (
    ((), {}),
    ((1,), {}),
    ((), {"a": 1}),
    ((1,), {"b": 5}),
    ((1, 2), {}),
    ((1, 2, 3), {}),
    ((-1,), {}),
    ((1,), {"a": 1}),
    ((1,), {"late": 1}),
    ((1, 2, 3, 4), {}),
    ((1,), {"unknown": 1}),
)


def told(action: Callable[[], Any]) -> Any:
    """What comes of it, or what is raised."""
    try:
        return action()
    except Exception as error:
        return type(error)


def seen(classes: dict[str, Any], name: str, values: tuple[int, ...], named: dict[str, int]) -> list[Any]:
    """All that can be seen of an object: how it is shown, compared, hashed, changed and copied."""
    cls = classes[name]
    made = told(lambda: cls(*values, **named))
    if isinstance(made, type):
        return [made]
    again = cls(*values, **named)
    replaced = [told(lambda: records.replace(made, a=4)), told(lambda: dataclasses.replace(made, a=4))]
    return [
        repr(made).split(" at ")[0].replace("classes.<locals>.", ""),
        made == again,
        told(lambda: made == cls(*values, **{**named, "b": 8})),
        told(lambda: hash(made) == hash(again)),
        told(lambda: setattr(made, "a", 3)),
        told(lambda: delattr(made, "a")),
        [each.a if hasattr(each, "a") else each for each in replaced],
        told(lambda: copy.copy(made) == made),
        [(each.name, each.init, each.kw_only) for each in dataclasses.fields(made)],
        [(each.name, each.init, each.kw_only) for each in records.fields(made)],
        dataclasses.is_dataclass(made),
    ]


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_class_does_as_the_standard_one(name: str, call: tuple[tuple[int, ...], dict[str, int]]) -> None:
    assert seen(OURS, name, *call) == seen(STANDARD, name, *call)


def test_what_is_made_afresh_is_nobody_elses() -> None:
    one, two = OURS["Plain"](1), OURS["Plain"](1)
    one.b.append(1)
    assert two.b == []


def test_a_default_before_what_has_none_is_refused() -> None:
    with pytest.raises(TypeError, match="argument without a default"):

        @records.dataclass
        class Wrong:
            a: int = 1
            b: int


@records.dataclass(frozen=True, slots=True)
class Kept:
    a: int
    b: tuple[int, ...] = ()


def test_a_record_is_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(1, (2,)))) == Kept(1, (2,))


@pytest.mark.parametrize("base", ["Base", "Derived", "Slotted"])
def test_a_standard_subclass_inherits_the_fields(base: str) -> None:
    @dataclasses.dataclass(frozen=True)
    class Further(OURS[base]):  # type: ignore[misc]
        e: int = 8

    assert dataclasses.replace(Further(1), a=2) == Further(2) != Further(2, e=9)
    assert records.replace(Further(1), e=3).e == 3
    assert [each.name for each in records.fields(Further)] == [*(f.name for f in records.fields(OURS[base])), "e"]


def test_a_layer_may_be_a_standard_dataclass() -> None:
    """Even where nobody had imported those before."""
    program = (
        "import sys, cnndsl.checking; assert 'dataclasses' not in sys.modules\n"
        "from dataclasses import dataclass; from cnndsl import Op, register\n"
        "from cnndsl.ops.arguments import integer\n"
        "@register\n@dataclass(frozen=True)\nclass Mine(Op):\n"
        "    word = 'mine'\n    size: int = integer()\n    by: int = integer(2, keyword=True)\n"
        "print([(p.name, p.required, p.positional, p.default) for p in Mine.signature()], Mine(3, by=4))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[('size', True, True, None), ('by', False, False, 2)] mine 3, by=4\n"
