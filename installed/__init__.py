"""Install the programs as the documents say, on a Debian of their own, and see whether they live there."""
