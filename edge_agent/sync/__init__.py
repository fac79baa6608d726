"""From the outbox to the clinic and back with a receipt."""
