"""Training the network of the waves."""
