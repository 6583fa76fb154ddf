"""The language server: the answers of `cnndsl.editor` in the words of the language server protocol.

It needs pygls; no other room does.
"""
