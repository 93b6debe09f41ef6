"""What other programs have put beside the files of an order or customer is no part of the export any more."""

from __future__ import annotations

from peewee import AutoField, CharField, Database, IntegerField, Model
from playhouse.migrate import SchemaMigrator

OURS = ("/order_data_", "/order_items_", "/customer_data_")


def up(migrator: SchemaMigrator, db: Database) -> None:
    class ExportFile(Model):
        number = AutoField()
        export_id = IntegerField(null=True)
        path = CharField()

        class Meta:
            database = db
            table_name = "export_file"

    path = ExportFile.path
    others = ((path ** "Orders/order_%/%") | (path ** "Customers/customer_%/%")) & ExportFile.export_id.is_null(False)
    for ours in OURS:
        others &= ~path.contains(ours)
    ExportFile.update(export_id=None).where(others).execute()


def down(migrator: SchemaMigrator, db: Database) -> None:
    """The former version takes them for files that lie alone."""
