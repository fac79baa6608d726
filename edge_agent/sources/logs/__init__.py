"""Numbers as text in a file: what recorders, loggers and spreadsheets export, one row a sample or one line a lead."""
