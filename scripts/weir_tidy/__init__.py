"""The rules behind scripts/tidy, one module each. Every rule takes a Tree and yields Findings."""
