"""The MQTT broker: an embedded one in a child process, or mosquitto with files written here."""
