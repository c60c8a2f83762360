"""The scripts of examples/ported learn, and but for their import lines they are scripts for PyTorch.

`.ci/run` runs them to their ends. `peers/test_peers_ported.py` runs them under PyTorch's name, where it is installed.
"""

import ast
import re

import numpy as np
import pytest
from ported import FOLDER, NAMES, load, text_of

STEPS = 20


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    losses, result = load(name).train(steps=STEPS)
    assert len(losses) == STEPS
    assert np.isfinite(losses).all()
    if name == "policy_gradient":  # whose loss depends on what the critic expects: the poles stand longer and longer
        losses = [-length for length in result]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    assert "loss" in capsys.readouterr().out or name == "gan"


@pytest.mark.parametrize("name", NAMES)
def test_main_says_what_came_of_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert load(name).main(["--steps", "1"]) == 1, "one step is not enough, and the exit status says so"
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("step ")
    assert re.search(r"\d", printed[-1])


@pytest.mark.parametrize("name", NAMES)
def test_the_import_lines_alone_name_this_package(name: str) -> None:
    for_pytorch = text_of(name, "torch")
    assert "tinygrad" not in for_pytorch
    compile(for_pytorch, name, "exec")
    pairs = list(zip(text_of(name).splitlines(), for_pytorch.splitlines(), strict=True))
    changed = [before for before, after in pairs if before != after]
    assert changed == [before for before, _ in pairs if re.match(r"(import|from) tinygrad_mlp\b", before)]
    assert "import tinygrad_mlp as torch" in changed


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_short_and_its_docstring_says_what_to_expect(name: str) -> None:
    text = text_of(name)
    docstring = ast.get_docstring(ast.parse(text)) or ""
    for words in ("It shows ", "Expect ", "The exit status is 1 if "):
        assert words in docstring.replace("\n", " "), words
    assert re.search(r"\((19|20)\d\d\)|\b20\d\d\)", docstring), "the source of its mathematics"
    assert len(text.splitlines()) <= 125


IMPORTS = {
    "import torch": "import tinygrad_mlp as torch",
    "\timport torch  # at last": "\timport tinygrad_mlp as torch  # at last",
    "import torch, math": "import tinygrad_mlp as torch, math",
    "import torch as th": "import tinygrad_mlp as th",
    "import torch.nn.functional as F": "import tinygrad_mlp.nn.functional as F",
    "    from torch.utils.data import DataLoader": "    from tinygrad_mlp.utils.data import DataLoader",
    "from torch import nn, optim": "from tinygrad_mlp import nn, optim",
    "import torchvision": "import torchvision",
    "print('import torch')": "print('import torch')",
}


def test_the_command_of_the_page_changes_the_import_lines() -> None:
    page = (FOLDER.parents[1] / "docs" / "from_pytorch.md").read_text("utf-8")
    (command,) = re.findall(r"^    sed -E '(.*)' script\.py > ported\.py$", page, flags=re.MULTILINE)
    expressions = [each.split("/")[1:3] for each in command.split("; ")]  # sed's syntax of these is Python's, too
    assert len(expressions) == 2
    for line, expected in IMPORTS.items():
        for pattern, replacement in expressions:
            line = re.sub(pattern, replacement, line)
        assert line == expected
