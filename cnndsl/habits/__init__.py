"""What people bring along from other languages and frameworks, and how their line is written here.

A line that cannot be read, or names what is not there, is read once more, leniently (`reading`): as a call of PyTorch,
Keras and others, with any separator, as an assignment. Tables (`layers`, `arguments`) say what its words are here, and
`writing` makes a line of ours from it, with its own numbers, or nothing where something in it has no certain meaning.
"""

from __future__ import annotations
