"""Templates and static assets; nothing from elsewhere."""
