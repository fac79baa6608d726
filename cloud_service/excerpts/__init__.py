"""What leaves the clinic as files in formats of others: a stretch of a recording, a finding."""
