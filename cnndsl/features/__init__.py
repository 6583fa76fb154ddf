"""Networks in timm's words: features of each resolution, heads apart from what they read, parts that are frozen.

Every form is a graph with other outputs, compiled like any other; the forms of one network share its weights.
"""
