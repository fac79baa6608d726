"""Models: bundles, their contracts, what runs them."""
