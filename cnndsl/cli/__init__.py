"""The command line: one file per command; each parses arguments, calls the API and prints."""
