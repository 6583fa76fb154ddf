"""Networks that learn and are measured: recipes, data, runs in folders, and evaluation.

All that is random in a step follows from the seed of the run and the number of the step: a run that goes on is the run.
"""
