"""Programs elsewhere hear of alarms, findings, lost devices and who was told: signed, in order, until they answer."""
