"""Lifting: from a network of other makers to the `.arch` text that describes it, with a proof."""
