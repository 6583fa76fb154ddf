"""How fast a network runs on this machine: engines beside each other on the same weights and pictures.

Each is measured alone, in a process of its own, and then all of them in turns, by which they are compared.
"""
