"""How far each second of a lead can be trusted."""
