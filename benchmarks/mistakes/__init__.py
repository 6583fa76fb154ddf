"""The same mistakes told to cnndsl, PyTorch, Keras and ONNX: what each says, and whether it points at the cause.

Each mistake is a file of `tests/cases/causes/` whose lines at fault are marked `#@`, and a function of the same name in
`networks.py`, marked `# @`. The function builds the network with whatever it is given: layers of PyTorch, of Keras, or
nodes of an ONNX graph, as somebody would write them there. What the three say is kept in `results.json`.
"""
