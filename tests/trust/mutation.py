"""Mutants of a source file: the code with one small defect, made by the operators of Cosmic Ray.

A defect that no test can be asked to find is not made. Left out are docstrings, annotations, type aliases, `__all__`,
`__repr__` and `__str__`, what is raised or logged (the text of messages), caches and compilers, which only save time,
and assertions such as `strict=True`, which never fail. So is what fails wherever it runs, which would flatter the
tests: code that does not compile, and operators of another kind than the one replaced (`a + b` never becomes `a << b`,
nor `-a` `not a`). An operator that can go wrong in several ways at one place goes wrong in one of them, drawn at
random, so that no place counts more than another.
"""

import ast
import hashlib
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

__all__ = ["Mutant", "mutants_of", "source_hash"]

_KINDS = (
    {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"},
    {"RShift", "LShift", "BitOr", "BitAnd", "BitXor"},
    {"Eq", "NotEq", "Lt", "LtE", "Gt", "GtE"},
    {"Is", "IsNot"},
)
_NODE_TYPES = {
    "ReplaceBinaryOperator": "operator",
    "ReplaceComparisonOperator": "comparison",
    "NumberReplacer": "number",
}
_SILENT = {"__repr__", "__str__", "_repr_pretty_"}
_LOGGERS = {"_log", "logger", "logging", "warnings"}


@dataclass(frozen=True)
class Mutant:
    """One defect.

    Attributes:
        module: the file, from the root of the repository.
        source: hash of the file.
        operator: Cosmic Ray's name.
        statement: first and last line of the statement that holds it, for a block those of its head.
        first: the first line that changes, from 1.
        removed: lines that go.
        added: lines that come in their place.
    """

    module: str
    source: str
    operator: str
    statement: tuple[int, int]
    first: int
    removed: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def line(self) -> str:
        """The text that changes."""
        return " ".join(text.strip() for text in self.removed).strip()

    @property
    def becomes(self) -> str:
        """What it changes to."""
        return " ".join(text.strip() for text in self.added).strip()

    def put_into(self, code: str) -> str:
        """Return the code of the file with the defect."""
        lines = code.splitlines(keepends=True)
        lines[self.first - 1 : self.first - 1 + len(self.removed)] = [f"{text}\n" for text in self.added]
        return "".join(lines)


def source_hash(code: str) -> str:
    """Return 16 hexadecimal digits that change with the code."""
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def mutants_of(root: Path, module: str, *, seed: int, share: Callable[[int], int]) -> tuple[int, list[Mutant]]:
    """Return how many places of a file can go wrong, and mutants of some in random order.

    Args:
        root: root of the repository.
        module: the file, from there.
        seed: other seeds choose other mutants; more mutants of one seed are the same and others.
        share: how many of a number of places to take.
    """
    code = (root / module).read_text()
    rng = random.Random(f"{seed} {module}")
    excluded = _excluded(code)
    places: dict[tuple[str, tuple[int, int]], list[tuple[str, int]]] = {}
    for name, occurrence, start in _positions(code):
        if not any(a <= start < b for a, b in excluded):
            places.setdefault((_family(name), start), []).append((name, occurrence))
    chosen = [(start[0], *rng.choice(variants)) for (_, start), variants in sorted(places.items())]
    rng.shuffle(chosen)
    made = (_mutant(module, code, *choice) for choice in chosen)
    return len(chosen), list(islice((m for m in made if m), share(len(chosen))))


def _mutant(module: str, code: str, line: int, operator: str, occurrence: int) -> Mutant | None:
    from cosmic_ray.mutating import mutate_code

    mutated = mutate_code(code, _operators()[operator], occurrence)
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        try:
            compile(mutated, module, "exec")
        except SyntaxError:
            return None
    return Mutant(module, source_hash(code), operator, _around(code, line), *_change(code, mutated))


@cache
def _operators() -> dict[str, object]:
    from cosmic_ray.operators.provider import OperatorProvider

    provider = OperatorProvider()
    made = {name: provider[name] for name in provider if not name.startswith("Variable")}
    return {name: operator() for name, operator in made.items() if _is_of_one_kind(name)}


@cache
def _operators_of(node_type: str) -> list[tuple[str, object]]:
    """Return the operators that may fit a node; asking all of them at each node would take ten times as long."""
    return [(n, o) for n, o in _operators().items() if _NODE_TYPES.get(_family(n), node_type) == node_type]


def _is_of_one_kind(name: str) -> bool:
    pair = set(name.split("_")[1:])
    return not pair or "Delete" in pair or any(pair <= kind for kind in _KINDS)


def _family(name: str) -> str:
    return name.split("_")[0]


def _positions(code: str) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """Yield operator, occurrence and start of every place, in the order in which Cosmic Ray counts occurrences."""
    from cosmic_ray.ast import ast_nodes, get_ast

    counts: dict[str, int] = {}
    for node in ast_nodes(get_ast(code)):
        for name, operator in _operators_of(node.type):
            for start, _ in operator.mutation_positions(node):
                yield name, counts.get(name, 0), start
                counts[name] = counts.get(name, 0) + 1


def _change(code: str, mutated: str) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """Return the first line that differs, from 1, and the lines that go and come there."""
    before, after = code.splitlines(), mutated.splitlines()
    shorter = min(len(before), len(after))
    first = next(k for k in range(shorter + 1) if before[k : k + 1] != after[k : k + 1])
    same = next(k for k in range(shorter - first + 1) if k == shorter - first or before[-1 - k] != after[-1 - k])
    return first + 1, tuple(before[first : len(before) - same]), tuple(after[first : len(after) - same])


def _statements(code: str) -> list[tuple[int, int]]:
    """Return the lines of simple statements and of the heads of blocks."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            body = getattr(node, "body", None)
            decorators = [d.lineno for d in getattr(node, "decorator_list", [])]
            start = min([node.lineno, *decorators])
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno
            found.append((start, last or node.lineno))
    return found


def _around(code: str, line: int) -> tuple[int, int]:
    return min((s for s in _statements(code) if s[0] <= line <= s[1]), key=lambda s: s[1] - s[0], default=(line, line))


def _excluded(code: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    tree = ast.parse(code)
    spans = [node for top in tree.body for node in [_alias(top)] if node]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            spans += [a.annotation for a in every if a and a.annotation] + [node.returns] * bool(node.returns)
            spans += [node] * (node.name in _SILENT)
        elif isinstance(node, ast.AnnAssign):
            spans.append(node.annotation)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            spans.append(node.exc)
        elif isinstance(node, ast.Call) and _is_log(node):
            spans += [*node.args, *node.keywords]
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.Assert) or getattr(node, "arg", None) == "strict":
            spans.append(node)
    found = [((n.lineno, _column(code, n)), (n.end_lineno, _column(code, n, end=True))) for n in spans]
    decorators = [d for node in ast.walk(tree) for d in getattr(node, "decorator_list", ())]
    return found + [((d.lineno, 0), (d.lineno, d.end_col_offset)) for d in decorators if _is_speed(d)]


def _alias(node: ast.stmt) -> ast.AST | None:
    """Return a statement at the top of the module that defines a type or `__all__`."""
    if not isinstance(node, ast.Assign):
        return None
    names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    unions = isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.BitOr)
    return node if names == ["__all__"] or (unions and names and names[0][:1].isupper()) else None


def _is_speed(decorator: ast.expr) -> bool:
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(name, ast.Name) and name.id in ("cache", "lru_cache", "njit")


def _is_log(call: ast.Call) -> bool:
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(receiver, ast.Name) and receiver.id in _LOGGERS


def _column(code: str, node: ast.AST, end: bool = False) -> int:
    """Return a column in characters; `ast` counts bytes."""
    line, column = (node.end_lineno, node.end_col_offset) if end else (node.lineno, node.col_offset)
    return len(code.splitlines()[line - 1].encode()[:column].decode())
