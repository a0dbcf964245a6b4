"""The types of the standard library whose objects may be meshed, beside those that the core knows.

What makes a type one of them: every block that its objects live in, and every table they own, is written by threads
that hold the interpreter lock, and by nobody else. Types that hand a buffer out, or work on one with the lock released,
are not here and must not be: ``bytearray``, ``array``, ``memoryview``, ``mmap``, ``BytesIO``, ``StringIO``,
``BufferedReader``, what hashes, compresses, encrypts or draws random numbers, ctypes, sqlite, ``SimpleQueue``, locks,
semaphores. Nor is any type of an extension. ``list``, ``dict``, ``set``, ``str``, ``type`` and the
like, which have tables, are known to the core.

A type is looked up in the modules that the program has imported, by name; nothing is imported for it. A Python class
that has taken such a name is judged as a class is.
"""

from __future__ import annotations

import builtins
import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final, TypeGuard

# A module, the layout by which the core reads the objects, and names. Plain ones own nothing but their object. Holders
# are not reviewed: they may show very many objects, and are known to write into none of those.
_NAMED: Final = (
    ("builtins", "plain", "property staticmethod classmethod slice super enumerate zip map filter reversed"),
    (
        "types",
        "plain",
        "FunctionType BuiltinFunctionType MethodType CellType ModuleType GeneratorType CoroutineType AsyncGeneratorType"
        " FrameType TracebackType WrapperDescriptorType MethodWrapperType MethodDescriptorType"
        " ClassMethodDescriptorType GetSetDescriptorType MemberDescriptorType MappingProxyType SimpleNamespace"
        " GenericAlias UnionType",
    ),
    ("weakref", "plain", "ReferenceType ProxyType CallableProxyType"),
    ("collections", "deque", "deque"),
    ("collections", "ordered", "OrderedDict"),
    ("collections", "dict", "defaultdict"),
    ("_collections", "plain", "_deque_iterator _deque_reverse_iterator _tuplegetter"),
    ("functools", "plain", "partial"),
    ("functools", "cache", "_lru_cache_wrapper"),
    ("operator", "plain", "itemgetter attrgetter methodcaller"),
    ("datetime", "datetime", "datetime"),
    ("datetime", "timezone", "timezone"),
    ("datetime", "plain", "date time timedelta"),
    ("decimal", "decimal", "Decimal"),
    (
        "itertools",
        "plain",
        "accumulate batched chain combinations combinations_with_replacement compress count cycle dropwhile filterfalse"
        " groupby islice pairwise permutations product repeat starmap takewhile zip_longest",
    ),
    ("re", "plain", "Pattern Match"),
    ("_elementtree", "holder", "Element"),
    ("_asyncio", "plain", "Future Task"),
    ("_contextvars", "plain", "Context ContextVar Token"),
    ("typing", "plain", "Generic TypeVar ParamSpec TypeVarTuple TypeAliasType Union"),
    ("ast", "plain", "AST"),
)


def reviewed_types() -> list[tuple[type, str]]:
    """The reviewed types that are there now, each with the name of its layout."""
    found: dict[type, str] = {}
    for module, layout, names in _NAMED:
        for one in _in_module(module, names):
            found[one] = layout
    for one in (*_of_samples(), *_exceptions()):
        found.setdefault(one, "plain")
    for one in _of_caches():
        found.setdefault(one, "cache entry")
    return list(found.items())


_module_of: Final = vars(type)["__module__"].__get__
"""Past metaclasses, whose attributes may be the program's code."""


_names_of: Final = vars(type(sys))["__dict__"].__get__
"""Past modules that import themselves when they are asked for an attribute (``importlib.util.LazyLoader``)."""


def _names_in(module: str) -> Mapping[str, Any]:
    """Of a module that is there; in its place a program may have put anything."""
    found = sys.modules.get(module)
    return _names_of(found) if issubclass(type(found), type(sys)) else {}


def _in_module(module: str, names: str) -> Iterator[type]:
    members = _names_in(module)
    for name in names.split():
        one = members.get(name)
        if _is_of_the_library(one):
            yield one


def _is_of_the_library(one: object) -> TypeGuard[type]:
    """A program may have put a type of its own, or of an extension, in the place."""
    if not issubclass(type(one), type):
        return False
    module = _module_of(one)
    return type(module) is str and module.partition(".")[0] in sys.stdlib_module_names


def _of_samples() -> Iterator[type]:
    """The types of what CPython makes without giving them a name in any module."""
    samples = [
        iter([]),
        reversed([]),
        iter(()),
        iter({}),
        iter({}.items()),
        iter({}.values()),
        reversed({}),
        reversed({}.items()),
        reversed({}.values()),
        {}.keys(),
        {}.items(),
        {}.values(),
        iter(set()),
        iter(range(0)),
        iter(range(1 << 70)),
        iter(""),
        iter("é"),
        iter(b""),
        iter(int, 0),
        iter(_Sequence()),
    ]
    return iter([type(sample) for sample in samples])


class _Sequence:
    """Iterated over by index."""

    def __getitem__(self, index: int) -> int:
        raise IndexError


def _of_caches() -> Iterator[type]:
    """The type of the entries of an ``lru_cache``, which are objects that only the cache knows."""
    make = _names_in("_functools").get("_lru_cache_wrapper")
    if make is None:
        return
    cached = make(len, 1, False, tuple)
    cached(())
    for held in gc.get_referents(cached):
        if type(held) is dict:
            yield from {type(entry) for entry in held.values() if type(entry).__name__ == "_lru_list_elem"}


def _exceptions() -> Iterator[type]:
    """All that are built in; those that an extension makes are judged as classes are."""
    for one in vars(builtins).values():
        if _is_of_the_library(one) and issubclass(one, BaseException):
            yield one
