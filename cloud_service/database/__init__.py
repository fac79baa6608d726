"""Tables, sessions, migrations."""

from cloud_service.database import clinic_tables, event_tables, learning_tables, webhook_tables

__all__ = ["clinic_tables", "event_tables", "learning_tables", "webhook_tables"]
