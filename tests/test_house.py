"""How the house is laid out: which room may import which, and that methods are met by nobody."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "avfuse"

# Each may import those before it in this list, and itself. CONTRIBUTING.md describes them.
ROOMS = (
    *("types", "errors", "sound", "files", "geometry", "layers", "method", "model_file", "fusion"),
    *("video", "metrics", "faces", "data", "runtime", "training", "experts", "methods"),
    *("speaking", "fit", "bench", "demo", "serve", "evaluation", "ablation", "cli"),
)
FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def room_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path):
    """Every module of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("avfuse."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("avfuse"):
            whole = node.module == "avfuse"
            yield from (f"avfuse.{n.name}" if whole else node.module for n in node.names)


def our_names(tree):
    """What a file imports from methods, by the names that it has there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("avfuse.methods."):
            yield from (name.asname or name.name for name in node.names)


def test_every_room_has_its_place():
    assert {room_of(path) for path in FILES} <= set(ROOMS)


def test_contributing_prints_the_same_order():
    text = (SOURCE.parents[1] / "CONTRIBUTING.md").read_text()
    there = [room for room in ROOMS if (SOURCE / room).exists()]
    places = [text.index(f"  {room}/") for room in there]
    assert places == sorted(places)


def test_no_room_imports_one_above_it():
    wrong = [
        f"{path.relative_to(SOURCE)} imports {module}"
        for path in FILES
        for module in sorted(set(imported(path)))
        if (room := module.split(".")[1]) in ROOMS  # else a name of the package's own
        and ROOMS.index(room) > ROOMS.index(room_of(path))
    ]
    assert not wrong


def test_no_method_is_named_outside_its_folder():
    wrong = []
    for path in FILES:
        parts = path.relative_to(SOURCE).parts
        own = parts[1] if parts[0] == "methods" and len(parts) > 2 else None
        for module in imported(path):
            named = module.split(".")[2:3] if module.startswith("avfuse.methods.") else []
            wrong += [f"{'/'.join(parts)} imports {module}"] if named not in ([], [own]) else []
    assert not wrong


def test_nobody_asks_what_class_a_method_is():
    wrong = []
    for path in FILES:
        if room_of(path) == "methods":
            continue
        tree = ast.parse(path.read_text())
        classes = set(our_names(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                names = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
                wrong += [str(path)] if names & classes else []
    assert not wrong
