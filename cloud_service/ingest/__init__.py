"""MQTT to database, receipts, dead letters."""
