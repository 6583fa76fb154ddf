"""The viewer: a network in a browser, which can be folded, searched and moved about.

Its parts are of use by themselves: `viewer_data` is the network, `viewer.js` shows it in an element of `viewer_element`
with `viewer_styles`.
"""
