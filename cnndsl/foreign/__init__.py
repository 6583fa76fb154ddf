"""Networks of other makers: the modules of libraries."""
