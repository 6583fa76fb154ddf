"""Foreign files of weights, of any kind: names and tensors, and nothing that could run."""
