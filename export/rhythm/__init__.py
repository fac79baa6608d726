"""Training the network that names the rhythm."""
