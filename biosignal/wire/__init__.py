"""Everything that crosses the line, spelled once."""
