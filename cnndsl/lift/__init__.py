"""From foreign programs to `.arch` text: readers make a graph of a program, and `writing` makes the text of a graph."""
