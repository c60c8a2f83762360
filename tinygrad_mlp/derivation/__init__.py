"""The derivation: a graph's gradients as formulas, from the rules of the sheet. `tinygrad_mlp.explain` is its door."""
