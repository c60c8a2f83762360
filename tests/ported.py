"""The scripts of examples/ported as modules, under PyTorch's name or under that of this package."""

import re
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parents[1] / "examples" / "ported"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


def text_of(name: str, library: str = "tinygrad_mlp") -> str:
    """The text of a script, in whose import lines, and nowhere else, `library` takes the place of this package."""
    text = (FOLDER / f"{name}.py").read_text("utf-8")
    text = re.sub(r"^import tinygrad_mlp as torch$", f"import {library} as torch", text, flags=re.MULTILINE)
    return re.sub(r"^(from|import) tinygrad_mlp\b", rf"\1 {library}", text, flags=re.MULTILINE)


def load(name: str, library: str = "tinygrad_mlp") -> ModuleType:
    """A script, run as a module that is imported is run."""
    module = ModuleType(f"{name}_with_{library}")
    exec(compile(text_of(name, library), f"{name}.py", "exec"), module.__dict__)
    return module
