"""Training the network of sleep, and scoring it."""
