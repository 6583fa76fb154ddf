"""What a graph is compiled to."""
