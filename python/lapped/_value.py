# SPDX-License-Identifier: Apache-2.0
"""What lapped's values share: equality, hash, repr and pickling by their fields."""

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

import numpy as np


class Made(dict[ModuleType, Any]):
    """What the kernels of each extension module need of a value, by ``make(value, module)``."""

    def __init__(self, make: Callable[[Any, ModuleType], Any], value: Any) -> None:
        super().__init__()
        self._make, self._value = make, value

    def __missing__(self, module: ModuleType) -> Any:
        made = self[module] = self._make(self._value, module)
        return made


class Value:
    """Base of the frozen dataclasses users build; array fields compare by content.

    Whatever an instance keeps besides its fields (plans, filters) is neither compared nor pickled.
    """

    _always_shown: ClassVar[tuple[str, ...]] = ()
    _text: str  # says all, as torch operators take it: lapped._operators reads it

    def _fields(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    def _key(self) -> tuple[Any, ...]:
        return tuple(_comparable(value) for value in self._fields().values())

    def _set(self, **values: Any) -> None:
        """Stores resolved values while the instance is being built."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _describe(self) -> None:
        """Stores `_text`, the last step of building an instance."""
        self._set(_text=repr(_plain(self)))

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._key()))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._fields())

    def __repr__(self) -> str:
        shown = [
            f"{f.name}={_shown(getattr(self, f.name))}"
            for f in dataclasses.fields(self)  # type: ignore[arg-type]
            if f.name in self._always_shown or not _same(getattr(self, f.name), f.default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def _rebuild(kind: type, fields: dict[str, Any]) -> Any:
    return kind(**fields)


def _plain(value: Any) -> Any:
    """`value` out of what Python can write and read as a literal."""
    if isinstance(value, Value):
        fields = {name: _plain(field) for name, field in value._fields().items()}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, np.ndarray):
        return {"kind": "array", "float64": value.astype(np.float64).tobytes().hex()}
    return value


def _comparable(value: Any) -> Any:
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


def _same(value: Any, default: Any) -> bool:
    return not isinstance(value, np.ndarray) and type(value) is type(default) and value == default


def _shown(value: Any) -> str:
    return f"<array of {value.size}>" if isinstance(value, np.ndarray) else repr(value)
