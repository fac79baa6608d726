"""Training the network of the diagnosis, and scoring it."""
