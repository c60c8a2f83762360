"""A neural model of first names: a few letters are embedded, and a small network guesses the next one.

It shows an embedding table, cross entropy and sampling letter by letter. The model is that of Bengio, Ducharme,
Vincent and Jauvin, "A neural probabilistic language model" (JMLR 2003), with letters in place of words, as in
Karpathy's *makemore*.

Expect a cross entropy of about 2.3 nats for each letter of names that it has not seen, where guessing blindly has
log 27 = 3.3, and samples that sound like names. The exit status is 1 if it stays above 2.6.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

import tinygrad_mlp as torch
import tinygrad_mlp.nn as nn
from tinygrad_mlp.nn import functional as F

NAMES = """
aaron abigail ada adam adrian agnes aidan albert alex alice alicia allison amanda amber amelia amy andrea andrew
angela anita anna anthony arthur ashley audrey austin barbara beatrice benjamin bernard beth betty beverly billy
brandon brenda brian brittany bruce caleb cameron carl carla carol caroline carolyn carter catherine charles charlotte
cheryl chloe christian christina christine christopher clara colin connor craig cynthia daisy daniel danielle david
dawn deborah denise dennis diana diane donald donna doris dorothy douglas dylan edith edward elaine eleanor elena eli
elijah elizabeth ella ellen emily emma eric erica ethan eugene eva evan evelyn felix fiona florence frances frank
gabriel gary george gerald gladys gloria grace gregory hannah harold harry heather helen henry holly howard ian irene
isaac isabel isabella jack jacob jacqueline jade james jamie jane janet janice jasmine jason jean jeffrey jennifer
jeremy jerry jesse jessica joan joe john jonathan jordan joseph joshua joyce juan judith judy julia julie justin karen
katherine kathleen kathryn kayla keith kelly kenneth kevin kimberly kyle larry laura lauren lawrence leah leo leonard
leslie liam lillian linda lisa logan lois lori louis louise lucas lucy luke madison margaret maria marie marilyn mark
martha martin mary mason matthew max megan melissa michael michelle mildred molly monica nancy naomi natalie nathan
nicholas nicole noah nora olivia oliver oscar pamela patricia patrick paul paula peggy peter philip phoebe rachel
ralph randy raymond rebecca richard robert robin roger ronald rosa rose roy ruby russell ruth ryan samantha samuel
sandra sara sarah scott sean sharon sheila shirley simon sophia sophie stella stephanie stephen steven stuart susan
sylvia tara teresa terry thelma theodore theresa thomas timothy tina tracy tyler valerie vanessa vera veronica victor
victoria vincent violet virginia walter wanda wayne wendy william willie zachary
"""

CONTEXT = 3  # letters that the model sees
LETTERS = ".abcdefghijklmnopqrstuvwxyz"  # the dot begins and ends a name


class LetterModel(nn.Module):
    """Scores for each letter to be the next, of shape (N, 27), for CONTEXT letters, of shape (N, CONTEXT)."""

    def __init__(self, n_embedded: int = 10, n_hidden: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), n_embedded)
        self.hidden = nn.Linear(CONTEXT * n_embedded, n_hidden)
        self.output = nn.Linear(n_hidden, len(LETTERS))

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        embedded = self.embedding(letters).flatten(1)
        return self.output(torch.tanh(self.hidden(embedded)))


def make_data(names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """All contexts in these names, of shape (N, CONTEXT), and the letters that follow them, of shape (N,)."""
    contexts, following = [], []
    for name in names:
        context = [0] * CONTEXT
        for letter in name + ".":
            contexts.append(context)
            following.append(LETTERS.index(letter))
            context = [*context[1:], following[-1]]
    return torch.tensor(contexts), torch.tensor(following)


def train(steps: int = 2000) -> tuple[list[float], LetterModel]:
    """Train a new model. Returns the loss of each step, and the model."""
    torch.manual_seed(0)
    model = LetterModel()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.3)
    contexts, following = make_data([name for i, name in enumerate(NAMES.split()) if i % 10])
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    losses = []
    for step in range(steps):
        batch = torch.randint(0, len(contexts), (64,))
        loss = F.cross_entropy(model(contexts[batch]), following[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % 400 == 0:
            print(f"step {step:5d}: loss {losses[-1]:.3f}")
    return losses, model


@torch.no_grad()
def sample(model: LetterModel) -> str:
    """Draw a name letter by letter."""
    name, context = "", [0] * CONTEXT
    while len(name) < 15:
        probabilities = F.softmax(model(torch.tensor([context])), dim=1)
        letter = int(torch.multinomial(probabilities, num_samples=1).item())
        if letter == 0:
            break
        name += LETTERS[letter]
        context = [*context[1:], letter]
    return name


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and print the loss of held-out names and a few samples. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Learn to make up first names.")
    parser.add_argument("--steps", type=int, default=2000, help="steps of training (default: 2000)")
    _, model = train(parser.parse_args(arguments).steps)
    contexts, following = make_data(NAMES.split()[::10])
    with torch.no_grad():
        loss = F.cross_entropy(model(contexts), following).item()
    print("samples:", ", ".join(sample(model) for _ in range(10)))
    print(f"held-out names: {loss:.3f} nats for each letter (blindly: {math.log(len(LETTERS)):.3f})")
    return int(loss > 2.6)


if __name__ == "__main__":
    sys.exit(main())
