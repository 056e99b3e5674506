"""Words in, words out: each command parses, calls one function and prints one result."""
