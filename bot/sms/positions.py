"""Reading a YAML mapping so that each problem has its line, its column, the reason and the mend."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend."""

    file: str
    line: int
    column: int
    reason: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.reason}; {self.mend}"


class ConfigError(ValueError):
    """The file cannot be used; its text holds all problems, one a line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Part:
    """A mapping of the file. What is taken out of it is marked as known; `rest` reports the keys that nobody asked for."""

    def __init__(self, node: yaml.Node | None, name: str, file: str, problems: list[Problem]) -> None:
        self._file, self._name, self._problems = file, name, problems
        self._node = node
        self._known: set[str] = set()
        self._values: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        if isinstance(node, yaml.MappingNode):
            self._values = {str(key.value): (key, value) for key, value in node.value}
        elif node is not None:
            self.report(node, f"{name} is no mapping", "write keys with values under it")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def report(self, node: yaml.Node | None, reason: str, mend: str) -> None:
        """Notes a problem at a node, or at the beginning of this mapping."""
        at = node or self._node
        mark = at.start_mark if at is not None else None
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self._problems.append(Problem(self._file, *place, reason, mend))

    def node(self, key: str) -> yaml.Node | None:
        """The value's node, for a problem that only the reader sees."""
        return self._values[key][1] if key in self._values else None

    def part(self, key: str, *, required: bool = False) -> Part:
        """A mapping inside this one; an empty one where it is missing."""
        node = self._take(key, required=required, mend="see docs/sms.md")
        return Part(node, self._path(key), self._file, self._problems)

    def text(self, key: str, *, required: bool = False, default: str = "", pattern: str = "", mend: str = "") -> str:
        """A scalar as text; `pattern` must match the whole of it."""
        node = self._take(key, required=required, mend=mend)
        if node is None:
            return default
        if not isinstance(node, yaml.ScalarNode):
            self.report(node, f"{self._path(key)} is no single value", mend or "write one value")
            return default
        value = str(node.value).strip()
        if pattern and not re.fullmatch(pattern, value):
            self.report(node, f"{self._path(key)}: {value!r} does not fit", mend)
        return value

    def choice(self, key: str, allowed: Collection[str], *, default: str = "", required: bool = False) -> str:
        """One of some words."""
        value = self.text(key, default=default, required=required, mend=f"one of {', '.join(allowed)}")
        if value and value not in allowed:
            self.report(self.node(key), f"{self._path(key)}: {value!r} is not known", f"one of {', '.join(allowed)}")
        return value

    def number(self, key: str, *, default: float, low: float, high: float) -> float:
        """A number within bounds."""
        written = self.text(key, mend=f"a number from {low:g} to {high:g}")
        if not written:
            return default
        try:
            value = float(written)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            mend = f"a number from {low:g} to {high:g}"
            self.report(self.node(key), f"{self._path(key)}: {written!r} does not fit", mend)
            return default
        return value

    def value(self, key: str) -> Any:
        """Whatever stands there, as YAML reads it."""
        node = self._take(key, required=False, mend="")
        return _constructed(node) if node is not None else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or a single one."""
        found = self.value(key)
        return tuple(str(one) for one in (found if isinstance(found, list) else [] if found is None else [found]))

    def strings(self, key: str) -> dict[str, str]:
        """A mapping of texts to texts."""
        found = self.value(key)
        if found is None:
            return {}
        if not isinstance(found, dict) or not all(isinstance(one, str | int | float) for one in found.values()):
            self.report(self.node(key), f"{self._path(key)} is no mapping of texts", "write one name and value a line")
            return {}
        return {str(name): str(value) for name, value in found.items()}

    def items(self, key: str) -> Iterator[Part]:
        """The mappings of a list."""
        node = self._take(key, required=False, mend="")
        if node is not None and not isinstance(node, yaml.SequenceNode):
            self.report(node, f"{self._path(key)} is no list", "begin each item with -")
            return
        for item in node.value if node is not None else ():
            yield Part(item, self._path(key), self._file, self._problems)

    def checked(self, key: str, check: Callable[[str], object], mend: str) -> None:
        """Runs a check that raises ValueError or re.error on a text that is there."""
        value = self.text(key)
        try:
            if value:
                check(value)
        except (ValueError, re.error) as error:
            self.report(self.node(key), f"{self._path(key)}: {error}", mend)

    def rest(self) -> None:
        """Reports keys that are not known: a misspelt one would silently do nothing."""
        for key, (node, _) in self._values.items():
            if key not in self._known:
                self.report(node, f"{self._path(key)} is not known", f"one of {', '.join(sorted(self._known))}")

    def _take(self, key: str, *, required: bool, mend: str) -> yaml.Node | None:
        self._known.add(key)
        if key in self._values:
            node = self._values[key][1]
            return None if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null") else node
        if required:
            self.report(None, f"{self._path(key)} is missing", mend)
        return None

    def _path(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key


def _constructed(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def read(path: Path, problems: list[Problem]) -> Part:
    """The file's outermost mapping; raises `ConfigError` where it cannot be read at all."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(
            [Problem(str(path), 0, 0, f"cannot be read ({error.strerror})", "see docs/samples/sms/")]
        ) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(path), 1, 1, "is no UTF-8", "save it as UTF-8")]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        mend = "mind the indentation, and quote what holds : or #"
        raise ConfigError([Problem(str(path), *place, str(error.problem), mend)]) from None
    except yaml.YAMLError:
        raise ConfigError([Problem(str(path), 1, 1, "holds signs that YAML does not know", "write it anew")]) from None
    return Part(node, "", str(path), problems)
