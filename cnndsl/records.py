"""`dataclass`, as the standard library means it, for a tenth of the time: a check makes some hundred and fifty of them.

The standard one compiles a text for each method of each class, and takes long to be imported. Here classes with equally
many fields share one compiled constructor, into which the names of the fields are put, and the other methods are the
same for all. Type checkers, the standard functions, and subclasses that are standard ones see no difference.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from operator import attrgetter
from reprlib import recursive_repr
from types import CodeType, FunctionType, MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

__all__ = ["MISSING", "dataclass", "field", "fields", "replace"]

if TYPE_CHECKING:
    from dataclasses import MISSING, Field, dataclass, field, fields, replace
else:
    MISSING = object()  # in place of a default that there is not

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, repr=True):
        """The class with a constructor, and with equality, hash and a representation where asked for."""

        def made(cls):
            own = _own_fields(cls)
            known = {name: each for base in reversed(cls.__mro__[1:]) for name, each in _fields_of(base).items()} | own
            methods = _methods(cls, known, frozen, eq, repr)
            return _slotted(cls, own, methods, frozen) if slots else _with(cls, methods)

        return made if cls is None else made(cls)

    def field(**options):
        """One field; a standard one where those are loaded, for that may be what makes the class."""
        options = {name: value for name, value in options.items() if value is not MISSING}
        standard = sys.modules.get("dataclasses")
        return standard.field(**options) if standard else Field(**options)

    def fields(record):
        """The fields of an object or a class, in their order."""
        cls = record if isinstance(record, type) else type(record)
        return tuple(next(filter(None, map(_fields_of, cls.__mro__)), {}).values())

    def replace(record, /, **changes):
        """The same object but for these fields."""
        kept = {each.name: getattr(record, each.name) for each in fields(record) if each.init}
        return type(record)(**kept | changes)

    class Field:
        """What is known of one field, by the names that the standard library has for it."""

        name = type = ""
        default = default_factory = MISSING
        init = repr = compare = True
        hash = None
        kw_only = False
        metadata = MappingProxyType({})

        def __init__(self, **options):
            vars(self).update(options)


_OPTIONS = ("default", "default_factory", "init", "repr", "hash", "compare", "metadata", "kw_only")
_Field: Any = Field
_put = object.__setattr__


class _Fields:
    """The fields of a class, for us; the standard library's functions find standard ones in their place."""

    def __init__(self, own: Mapping[str, Field[Any]]) -> None:
        self.own = own

    def __get__(self, record: object, cls: type) -> dict[str, Any]:
        return self.standard

    @cached_property
    def standard(self) -> dict[str, Any]:
        import dataclasses

        found: dict[str, Any] = {}
        for name, each in self.own.items():
            values = {option: getattr(each, option) for option in _OPTIONS}
            made: Any = dataclasses.field(**{option: value for option, value in values.items() if value is not MISSING})
            made.name, made.type, made._field_type = name, each.type, dataclasses._FIELD  # type: ignore[attr-defined]
            found[name] = made
        return found


def _fields_of(cls: type) -> Mapping[str, Field[Any]]:
    """The fields of a class that was made here, or by the standard library; none if it was not made by either."""
    known = vars(cls).get("__dataclass_fields__")
    if known is None or isinstance(known, _Fields):
        return known.own if known else {}
    return {each.name: _ours(each) for each in sys.modules["dataclasses"].fields(cls)}


def _own_fields(cls: Any) -> dict[str, Field[Any]]:
    """The fields that the class itself declares; what is left of them in it is their defaults."""
    found: dict[str, Any] = {}
    for name, type in cls.__annotations__.items():
        if "ClassVar" not in str(type):
            given = _ours(vars(cls).get(name, MISSING))
            found[name] = each = given if isinstance(given, Field) else _Field(default=given)
            each.name, each.type = name, type
            if each.default is not MISSING:
                setattr(cls, name, each.default)
            elif name in vars(cls):
                delattr(cls, name)
    return found


def _ours(given: Any) -> Any:
    """A field of the standard library as one of ours."""
    standard = sys.modules.get("dataclasses")
    if standard is None or not isinstance(given, standard.Field):
        return given
    values = {name: getattr(given, name) for name in _OPTIONS}
    made = _Field(**{name: value for name, value in values.items() if value is not standard.MISSING})
    made.name, made.type = given.name, given.type
    return made


def _methods(cls: type, fields: dict[str, Field[Any]], frozen: bool, eq: bool, repr: bool) -> dict[str, Any]:
    """What the class gets, but for what it says itself."""
    methods = {
        "__dataclass_fields__": _Fields(fields),
        "__dataclass_params__": SimpleNamespace(frozen=frozen),
        "__init__": _constructor(cls, [each for each in fields.values() if each.init], frozen),
    }
    if repr:
        methods["__repr__"] = _shown
    if eq:
        methods |= _comparison([each for each in fields.values() if each.compare], frozen)
    if frozen:
        methods |= {"__setattr__": _refuse_change, "__delattr__": _refuse_change}
    own = {name for name, value in vars(cls).items() if value is not None}  # `__hash__` is, beside an `__eq__`
    return {name: method for name, method in methods.items() if name not in own}


def _with(cls: Any, methods: dict[str, Any]) -> Any:
    for name, method in methods.items():
        setattr(cls, name, method)
    return cls


def _slotted(cls: Any, own: dict[str, Field[Any]], methods: dict[str, Any], frozen: bool) -> Any:
    """The class anew, since its slots are settled when a class is made."""
    left_out = {*own, "__dict__", "__weakref__"}
    kept = {name: value for name, value in vars(cls).items() if name not in left_out}
    pickled = {"__getstate__": _state, "__setstate__": _set_state} if frozen else {}
    named = {"__slots__": tuple(own), "__qualname__": cls.__qualname__}
    return type(cls)(cls.__name__, cls.__bases__, {**kept, **pickled, **methods, **named})


# --- the methods


def _constructor(cls: type, fields: list[Field[Any]], frozen: bool) -> FunctionType:
    """`__init__`; it takes the fields in their order, those by keyword alone after the others."""
    positional = [each for each in fields if not each.kw_only]
    ordered = [*positional, *(each for each in fields if each.kw_only)]
    defaults = {each.name: default for each in ordered if (default := _default(each)) is not MISSING}
    optional = [each.name in defaults for each in positional]
    if optional != sorted(optional):
        raise TypeError(f"{cls.__qualname__} has an argument without a default behind one that has one")
    fresh = tuple(place for place, each in enumerate(ordered) if isinstance(defaults.get(each.name), _Fresh))
    pattern = _pattern(len(ordered), fresh, frozen, hasattr(cls, "__post_init__"))
    names = {f"_{place}": each.name for place, each in enumerate(ordered)}
    code = pattern.replace(
        co_argcount=1 + len(positional),
        co_kwonlyargcount=len(ordered) - len(positional),
        co_varnames=tuple(names.get(each, each) for each in pattern.co_varnames),
        co_names=tuple(names.get(each, each) for each in pattern.co_names),
        co_consts=tuple(names.get(each, each) for each in pattern.co_consts),
    )
    by_position = tuple(defaults.pop(each.name) for each in positional if each.name in defaults)
    constructor = FunctionType(code, globals(), "__init__", by_position)
    constructor.__kwdefaults__ = defaults
    constructor.__qualname__ = f"{cls.__qualname__}.__init__"
    return constructor


@cache
def _pattern(count: int, fresh: tuple[int, ...], frozen: bool, settled: bool) -> CodeType:
    """The code of a constructor of fields `_0`, `_1`, ..., of which some may be made afresh; the last word may be
    `__post_init__`'s."""
    names = [f"_{place}" for place in range(count)]
    lines = [f"if _{place}.__class__ is _Fresh: _{place} = _{place}.make()" for place in fresh]
    lines += [f"_put(self, '{name}', {name})" if frozen else f"self.{name} = {name}" for name in names]
    lines += ["self.__post_init__()"] if settled else []
    text = f"def __init__({', '.join(['self', *names])}):\n " + "\n ".join(lines or ["pass"])
    return next(each for each in compile(text, __file__, "exec").co_consts if isinstance(each, CodeType))


class _Fresh:
    """A default that is made anew for each object."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else _Fresh(field.default_factory)


def _comparison(fields: list[Field[Any]], frozen: bool) -> dict[str, Any]:
    compared = _reader([each.name for each in fields])
    hashed = _reader([each.name for each in fields if each.hash is not False])

    def __eq__(self: Any, other: object) -> bool:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(hashed(self))

    return {"__eq__": __eq__, "__hash__": __hash__ if frozen else None}


def _reader(names: list[str]) -> Callable[[Any], Any]:
    """What reads these fields of an object."""
    return attrgetter(*names) if names else lambda record: ()


@recursive_repr()
def _shown(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse_change(self: Any, name: str, value: object = None) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot change field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: Any, state: list[object]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        _put(self, each.name, value)
