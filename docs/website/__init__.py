"""The documentation as a site: hand-written pages as they are, and pages made from what cnndsl knows of itself.

Made pages are a network's, a layer's and a code's. None of them is kept: `scripts/docs` makes them for each build.
"""
