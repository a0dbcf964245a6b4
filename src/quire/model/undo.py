"""Doing something that may break a rule, and undoing all of it if it does.

    state --- copy --->  copy
      | action
      v
    rule kept: go on with what is         rule broken: put the copy in its place, and raise

Everything a space knows is copied, so this is slow, and only strict spaces do it. Objects and types are not copied:
they are addresses, and who holds one keeps it. What types remember beside their memory is put back too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from quire.model.errors import FinalizerBroke, ObjectMisuse
from quire.model.objects import Object, Type
from quire.records.objects import Happening

if TYPE_CHECKING:
    from quire.model.space import ObjectSpace

State = tuple[dict[str, Any], dict[Type, dict[str, Any]]]
"""What the space knows, and what each type remembers beside its memory."""
_STAYS = {"_listeners", "call_back", "strict", "version"}


def undo_if_broken(space: ObjectSpace, action: Callable[[], object]) -> None:
    """Do it; where a rule is broken, or a finalizer raises or resurrects, put everything back.

    Raises:
        FinalizerBroke: a finalizer did.
        ObjectMisuse: another rule was broken.
    """
    before, heard_before = _state_of(space), len(space.unraisable)
    try:
        with space.events() as events:
            action()
    except ObjectMisuse:
        _restore(space, before)
        raise
    broken = space.unraisable[heard_before:]
    resurrected = [event for event in events if event.happening is Happening.RESURRECTED]
    if not broken and not resurrected:
        return
    _restore(space, before)
    if broken:
        raise broken[0]
    back = resurrected[0]
    raise FinalizerBroke(f"the finalizer of the {back.type} at {back.address:#x} brought it back")


def _state_of(space: ObjectSpace) -> State:
    own = {name: value for name, value in vars(space).items() if name not in _STAYS}
    types = {one: _attributes_of(one) for one in space.objects.values() if isinstance(one, Type)}
    return copy.deepcopy((own, types), {id(space): space})


def _restore(space: ObjectSpace, state: State) -> None:
    own, types = state
    for name, value in own.items():
        current = getattr(space, name)
        if hasattr(current, "__dict__") and not isinstance(current, Object):
            vars(current).update(vars(value))  # who holds the allocator, say, still does
        else:
            setattr(space, name, value)
    for one, attributes in types.items():
        for name, value in attributes.items():
            setattr(one, name, value)


def _attributes_of(one: Type) -> dict[str, Any]:
    slots = {slot for kind in type(one).__mro__ for slot in getattr(kind, "__slots__", ())} - {"space", "address"}
    return {name: getattr(one, name) for name in (*slots, *getattr(one, "__dict__", {})) if hasattr(one, name)}
