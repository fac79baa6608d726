"""How far each second of an EEG lead can be trusted, and what spoils it."""
