"""Many variants of one network: what each costs, which meet a condition, and which of those no other one beats.

No weights and no PyTorch: a variant is checked and counted in some hundredths of a second, in parallel processes.
"""
