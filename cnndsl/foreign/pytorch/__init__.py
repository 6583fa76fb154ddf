"""Reading PyTorch: modules, by what `torch.export` records of them, and saved programs."""
