"""The house plan as a test: which room may import which, and what must load late."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "qzrisk"
GROUND = {"errors", "files", "text", "levels", "crs", "units", "grid", "costs", "engine",
          "provenance", "rules", "assets"}
ALLOWED = {
    "layers": GROUND | {"layers"},
    "analysis": GROUND | {"analysis"},
    "maps": GROUND | {"maps"},
    "reports": GROUND | {"reports", "layers.schema"},
    "project": GROUND | {"layers.schema", "project"},
    "pipeline": GROUND | {"layers", "analysis", "maps", "reports", "project", "pipeline"},
    "doctor": GROUND,
    "screen": GROUND | {"project", "pipeline", "layers"},
    "cli": GROUND | {"project", "pipeline", "doctor", "screen"},
    "__main__": {"cli"},
}
# Package -> the only modules that may import it at module level.
OWNERS = {"folium": {"maps.web"}, "matplotlib": {"maps"}, "dask": {"engine"}, "ortools": set(),
          "highspy": set(), "docx": set(), "pptx": set(), "pandera": set(), "pyplot": set()}


def module_name(path):
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources():
    return {module_name(path): ast.parse(path.read_text(encoding="utf-8"))
            for path in sorted(PACKAGE.rglob("*.py"))}


def imports(tree, *, everywhere):
    """Dotted names imported by a module; at module level only unless `everywhere`."""
    nodes = ast.walk(tree) if everywhere else top_level(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top_level(body):
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.If | ast.Try):
            yield from top_level(node.body)
        else:
            yield node


def own(name):
    return name.removeprefix("qzrisk.") if name.startswith("qzrisk.") else None


def rooms(name):
    """Prefixes of a dotted own name, so that ``layers.schema.schema`` matches ``layers.schema``."""
    parts = name.split(".")
    return {".".join(parts[:n]) for n in range(1, len(parts) + 1)}


def test_every_import_follows_the_plan():
    for module, tree in sources().items():
        room = module.split(".")[0]
        if not room:  # the face loads by name
            continue
        allowed = ALLOWED.get(room, GROUND)
        assert room in ALLOWED or room in GROUND, f"{module}: a room the plan does not know"
        for name in imports(tree, everywhere=True):
            target = own(name)
            if target and target.split(".")[0] != "__version__":
                assert rooms(target) & allowed, f"{module} imports {name}"


def test_no_rings():
    edges = {}
    trees = sources()
    for module, tree in trees.items():
        edges[module] = {max((r for r in rooms(target) if r in trees), key=len, default="")
                         for name in imports(tree, everywhere=False) if (target := own(name))}
    done, active = set(), []

    def visit(module):
        assert module not in active, f"ring: {' -> '.join([*active, module])}"
        if module in done or not module:
            return
        active.append(module)
        for target in sorted(edges.get(module, ()) - {module}):
            visit(target)
        done.add(active.pop())

    for module in edges:
        visit(module)


def test_heavy_packages_stay_with_their_owners():
    for module, tree in sources().items():
        for name in imports(tree, everywhere=False):
            package = name.split(".")[0]
            if package in OWNERS:
                assert any(module == owner or module.startswith(f"{owner}.")
                           for owner in OWNERS[package]), f"{module} imports {name} at once"


def test_only_engine_starts_threads():
    for module, tree in sources().items():
        for name in imports(tree, everywhere=True):
            if name.split(".")[0] in {"threading", "multiprocessing", "concurrent"}:
                assert module == "engine" or module.startswith("engine."), f"{module}: {name}"


def test_only_grid_opens_rasters():
    for module, tree in sources().items():
        for node in ast.walk(tree):
            if (isinstance(node, ast.Attribute) and node.attr == "open"
                    and isinstance(node.value, ast.Name) and node.value.id == "rasterio"):
                assert module == "grid" or module.startswith("grid."), module


def test_no_forbidden_names_or_habits():
    for module, tree in sources().items():
        assert not set(module.split(".")) & {"utils", "common", "helpers", "core", "manager"}
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                        and node.func.id == "print"), f"{module} prints"


@pytest.mark.parametrize("code", ["import qzrisk", "import qzrisk.cli"])
def test_import_is_light(code):
    heavy = ("numpy", "pandas", "geopandas", "matplotlib", "folium", "numba", "rasterio", "rich")
    script = f"{code}; import sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          check=True, cwd=PACKAGE.parent)
    assert done.stdout.strip() == "[]"


def test_the_package_names_no_city():
    names = ("泉州", "quanzhou", "3505", "金门", "鲤城")
    for path in PACKAGE.rglob("*"):
        if path.suffix in {".py", ".toml", ".txt", ".js", ".css"} and "assets" not in path.parts:
            words = path.read_text(encoding="utf-8").lower()
            found = [name for name in names if name in words and "docstring" not in name]
            assert not found, f"{path.relative_to(PACKAGE)} names {found}"
