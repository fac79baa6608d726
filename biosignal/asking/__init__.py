"""Questions answered in vetted sentences and measured facts alone, or refused with a reason."""
