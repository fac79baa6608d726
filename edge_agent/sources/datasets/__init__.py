"""Public data sets by name: what is known of each (`sets.json`), and how their records come over the line."""
