"""What an editor shows of a text and does with it, as plain data: a text and a place in it give an answer.

No protocol and no server: a language server, a page in the browser and a notebook ask the same functions.
"""
