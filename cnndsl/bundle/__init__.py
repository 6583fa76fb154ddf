"""A trained network as one folder: its text, weights, preparation of photographs and names of classes, and a manifest.

It is data alone: to read it runs nothing, follows no link and opens no file outside.
"""
