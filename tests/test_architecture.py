"""The corridor is walked in one direction, each library stays in its room, and nothing heavy wakes up too early."""

import ast
import importlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import fusecli

PACKAGE = Path(fusecli.__file__).parent

# From the ground up. An import may go down any number of floors and never up or sideways.
FLOORS = [
    {"errors", "catalog", "settings"},
    {"core", "leftovers"},
    {"sitk_bridge", "atomic"},
    {"formats", "register", "normalize", "models", "fusion", "color", "metrics", "report", "demo"},
    {"pipeline"},
    {"measuring", "registering", "conversion", "batch", "train"},
    {"evaluation", "comparing"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# (file, imported module): why it may stand against the rule.
EXCEPTIONS = {
    ("settings/__init__.py", "fusecli.catalog"): "pure data for pure data, on the ground floor",
}

# A command names each of its options on a line of its own, so in these the signature does not count, only the body.
COMMANDS = {
    ("cli/fuse.py", "fuse"),
    ("cli/batch.py", "batch"),
    ("cli/convert.py", "convert"),
    ("cli/metrics.py", "metrics"),
    ("cli/compare.py", "compare"),
    ("cli/evaluate.py", "evaluate"),
    ("cli/train.py", "train"),
    ("cli/register.py", "register"),
}

# Where each library may be imported: a room, or one file or folder of a room.
ROOMS_OF = {
    "torch": {"models", "train"},
    "safetensors": {"models", "train"},
    "openvino": {"models/openvino", "models/openvino_export"},
    "SimpleITK": {"sitk_bridge", "register"},
    "pydicom": {"formats", "demo", "color/palettes"},  # the palettes are tables that ship with pydicom
    "highdicom": {"formats", "demo"},
    "gdcm": {"formats"},  # a decoder that pydicom calls, and whose own messages have to be kept quiet
    "nibabel": {"formats/nifti"},
    "scipy": {"metrics", "register", "normalize", "report", "models/baselines", "evaluation"},
    "skimage": {"metrics", "register", "normalize", "report"},
    # A page carries pictures inside, not as files, and captions are drawn into pictures.
    "PIL": {"formats", "report/pictures", "report/contact_sheet", "register/check_picture"},
    "jinja2": {"report/page"},
    "markupsafe": {"report/page"},
    "statsmodels": {"evaluation/statistics"},
    "pandas": {"evaluation/statistics"},
    "matplotlib": {"evaluation/plots"},
    "dask": {"batch/dask_engine"},
    "distributed": {"batch/dask_engine"},
    "filelock": {"batch/run"},
    "typer": {"cli"},
    "rich": {"cli"},
    "numpy": set(FLOOR) - {"errors", "catalog", "settings", "cli", "__main__"},
}

HEAVY = ("torch", "openvino", "SimpleITK", "numpy", "pydicom", "nibabel", "scipy", "skimage", "pandas", "matplotlib")

FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [path.relative_to(PACKAGE).as_posix() for path in FILES]


@pytest.fixture(params=NAMES)
def file(request):
    return request.param


@cache
def tree(name):
    return ast.parse((PACKAGE / name).read_text(encoding="utf-8"))


def room(name):
    """`cli/fuse.py` stands in the room cli, `pipeline.py` in pipeline, and `__init__.py` in none."""
    return name.split("/")[0].removesuffix(".py")


def imports(name):
    """Every module that a file imports, anywhere in it: `from fusecli import formats` counts as fusecli.formats."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _imported_from(node)


def _imported_from(node):
    assert node.level == 0, f"line {node.lineno}: a relative import"
    for alias in node.names:
        inside = f"{node.module}.{alias.name}"
        is_module = node.module.startswith("fusecli") and _is_module(inside)
        yield inside if is_module else node.module


def _is_module(dotted):
    path = PACKAGE.joinpath(*dotted.split(".")[1:])
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def turns_back(name, module):
    """Whether an import of `module` by the file `name` goes up or sideways."""
    if (name, module) in EXCEPTIONS or module == "fusecli":  # the root holds the version and imports nothing
        return False
    own, other = room(name), module.split(".")[1]
    return own != other and FLOOR[other] >= FLOOR[own]


def test_every_file_stands_in_a_room_of_the_plan():
    assert {room(name) for name in NAMES} - {"__init__"} <= set(FLOOR)


def test_every_import_goes_down(file):
    if file == "__init__.py":
        pytest.skip("the root resolves its names lazily; the fresh interpreter below proves it")
    inside = {module for module in imports(file) if module.split(".")[0] == "fusecli"}
    assert [module for module in sorted(inside) if turns_back(file, module)] == []


@pytest.mark.parametrize(
    ("name", "module"),
    [("core/image.py", "fusecli.formats"), ("color/paint.py", "fusecli.metrics.ssim"),
     ("pipeline/__init__.py", "fusecli.cli"),
     ("train/loop.py", "fusecli.batch"), ("catalog.py", "fusecli.errors"),
     ("settings/training.py", "fusecli.core.image"),
     ("measuring.py", "fusecli.evaluation")],
)  # fmt: skip
def test_an_import_up_or_sideways_would_be_found(name, module):
    assert turns_back(name, module)


def test_the_root_imports_nothing_of_the_house_when_it_is_loaded():
    assert [module for module in imports("__init__.py") if module.startswith("fusecli")] == []


def test_no_exception_is_listed_that_nobody_needs():
    used = {(name, module) for name in NAMES for module in imports(name)}
    assert set(EXCEPTIONS) - used == set()


def may_import(name, library):
    place = name.removesuffix(".py")
    return any(place == allowed or place.startswith(f"{allowed}/") for allowed in ROOMS_OF.get(library, ()))


def test_each_library_stays_in_its_rooms(file):
    libraries = {module.split(".")[0] for module in imports(file)} - set(sys.stdlib_module_names) - {"fusecli"}
    assert [library for library in sorted(libraries) if not may_import(file, library)] == []


@pytest.mark.parametrize(
    ("name", "library"),
    [("core/image.py", "torch"), ("formats/dicom.py", "nibabel"), ("color/paint.py", "pydicom"), ("fusion.py", "scipy"),
     ("catalog.py", "numpy"), ("metrics/vif.py", "cv2")],
)  # fmt: skip
def test_a_library_outside_its_rooms_would_be_found(name, library):
    assert not may_import(name, library)


def prints(code):
    calls = (node for node in ast.walk(code) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def test_nothing_below_the_command_line_prints(file):
    if room(file) != "cli":
        assert prints(tree(file)) == []


def test_a_print_would_be_found():
    assert prints(ast.parse("def f():\n    print('x')")) == [2]


def functions(code):
    return [node for node in ast.walk(code) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function, *, of_body=False):
    first = function.body[0].lineno if of_body else function.lineno
    return function.end_lineno - first + 1


def test_no_function_is_longer_than_40_lines(file):
    lengths = {f.name: length(f, of_body=(file, f.name) in COMMANDS) for f in functions(tree(file))}
    assert {name: lines for name, lines in lengths.items() if lines > 40} == {}


def test_only_commands_that_need_it_are_measured_by_their_body():
    assert {(name, f.name) for name in NAMES for f in functions(tree(name)) if length(f) > 40} >= COMMANDS
    assert all(name.startswith("cli/") for name, _ in COMMANDS)


def test_the_length_of_a_function_counts_its_signature_and_that_of_its_body_does_not():
    (function,) = functions(ast.parse("def f(\n    a,\n):\n    x = 1\n    return x"))
    assert length(function) == 5
    assert length(function, of_body=True) == 2


def test_no_file_is_longer_than_300_lines(file):
    assert len((PACKAGE / file).read_text(encoding="utf-8").splitlines()) <= 300


def undocumented(code):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [node for node in code.body if isinstance(node, kinds) and not node.name.startswith("_")]
    return [node.name for node in public if not ast.get_docstring(node)]


def test_every_module_and_every_public_function_and_class_says_what_it_is(file):
    assert ast.get_docstring(tree(file))
    assert undocumented(tree(file)) == []


def test_a_missing_docstring_would_be_found():
    assert undocumented(ast.parse('def f(): ...\nclass A: ...\ndef _g(): ...\ndef h():\n    """Yes."""')) == ["f", "A"]


def test_every_public_name_resolves():
    assert all(getattr(fusecli, name) is not None for name in fusecli.__all__)
    assert fusecli.read is importlib.import_module("fusecli.formats").read
    assert fusecli.fuse is importlib.import_module("fusecli.fusion").fuse
    with pytest.raises(AttributeError, match="nothing_like_it"):
        fusecli.nothing_like_it  # noqa: B018


def loaded_by(code):
    """The modules in a fresh interpreter after `code`."""
    report = "\nimport sys\nprint('modules:', *sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:]), done.stdout


HELP = """
import runpy, sys
sys.argv = ["fusecli", {arguments}"--help"]
try:
    runpy.run_module("fusecli", run_name="__main__")
except SystemExit as end:
    assert end.code in (0, None), end.code
"""


def test_importing_the_package_loads_nothing_heavy():
    modules, _ = loaded_by("import fusecli")
    assert "fusecli" in modules
    assert modules & set(HEAVY) == set()


@pytest.mark.parametrize("command", ["", "fuse", "batch", "train", "evaluate"])
def test_help_loads_nothing_heavy(command):
    modules, output = loaded_by(HELP.format(arguments=f"'{command}', " if command else ""))
    assert "Usage" in output
    assert modules & set(HEAVY) == set()


def test_python_m_fusecli_help_answers():
    done = subprocess.run([sys.executable, "-m", "fusecli", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Fuse two medical images" in done.stdout


def test_a_heavy_import_would_be_found():
    modules, _ = loaded_by("from fusecli.core import geometry")
    assert "numpy" in modules


def test_fusing_with_a_baseline_loads_no_torch():
    images = "import numpy\nfixed, moving = numpy.zeros((2, 64, 64), numpy.float32)\n"
    modules, _ = loaded_by(images + "from fusecli import models\nmodels.load('laplacian')(fixed, moving)")
    assert "scipy" in modules
    assert "torch" not in modules
