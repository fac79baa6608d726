"""What may be said: the vetted sentences of every task, and the phrases that the evidence of one finding allows."""
