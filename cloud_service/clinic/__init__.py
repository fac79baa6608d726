"""What clinicians see and do: routes for devices, findings, alarms, review."""
