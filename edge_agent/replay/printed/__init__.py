"""The report of a recording as pages of a PDF, drawn to scale."""
