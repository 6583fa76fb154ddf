"""The text of kernels: a Triton template for each family, and what makes one ready for a problem."""
