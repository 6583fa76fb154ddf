"""How each family is tried: small problems of it, random tensors for any problem, and what must come out."""
