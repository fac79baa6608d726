"""Login, roles, devices, audit log."""
