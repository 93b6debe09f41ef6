"""The tables of the first version."""

from __future__ import annotations

from peewee import (
    BigIntegerField,
    BooleanField,
    CharField,
    Database,
    DateField,
    ForeignKeyField,
    IntegerField,
    JSONField,
    Model,
    TextField,
)
from playhouse.migrate import SchemaMigrator

from models.base import ExactDecimalField, NumberField, UTCField


def up(migrator: SchemaMigrator, db: Database) -> None:
    class Account(Model):
        name = CharField(unique=True, max_length=63)
        company = CharField(max_length=200, default="")
        emails = JSONField(default=list)
        entities = JSONField(null=True)
        time_zone = CharField(max_length=64, default="UTC")
        date_format = CharField(max_length=32, default="YYYY-MM-DD")
        decimal_separator = CharField(max_length=1, default=".")
        column_order = CharField(max_length=8, default="strict")
        disabled = BooleanField(default=False)
        created_at = UTCField()

        class Meta:
            database = db
            table_name = "account"

    db.create_tables([Account])

    class Login(Model):
        account = ForeignKeyField(Account, on_delete="CASCADE")
        name = CharField(unique=True, max_length=63)
        password_hash = TextField()
        entities = JSONField(null=True)
        networks = JSONField(default=list)
        require_close_notify = BooleanField(default=True)
        disabled = BooleanField(default=False)
        created_at = UTCField()
        last_login_at = UTCField(null=True)

        class Meta:
            database = db
            table_name = "login"

    db.create_tables([Login])

    class EntitySettings(Model):
        account = ForeignKeyField(Account, on_delete="CASCADE")
        entity = CharField(max_length=63)
        on_error = CharField(max_length=8, default="continue")
        schedule = CharField(max_length=64, default="immediate")

        class Meta:
            database = db
            table_name = "entity_settings"
            indexes = ((("account", "entity"), True),)

    db.create_tables([EntitySettings])

    class OpenName(Model):
        account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
        entity = CharField(max_length=63)
        prefix = CharField(max_length=63)
        key = CharField(max_length=200)
        name = CharField(max_length=200)

        class Meta:
            database = db
            table_name = "open_name"
            indexes = ((("account", "entity", "prefix", "key"), True),)

    db.create_tables([OpenName])

    class Upload(Model):
        id = NumberField()
        account = ForeignKeyField(Account, on_delete="CASCADE")
        entity = CharField(max_length=63)
        name = CharField()
        size = BigIntegerField()
        sha256 = CharField(max_length=64, default="")
        login = CharField(max_length=63, default="")
        remote_ip = CharField(max_length=45, default="")
        origin = CharField(max_length=8, default="ftp")
        state = CharField(max_length=8, default="waiting")
        received_at = UTCField()

        class Meta:
            database = db
            table_name = "upload"
            indexes = ((("account", "entity", "state"), False), (("state",), False))

    db.create_tables([Upload])

    class ImportRun(Model):
        number = IntegerField(primary_key=True)
        account = ForeignKeyField(Account, on_delete="CASCADE")
        entity = CharField(max_length=63)
        file = CharField()
        dry_run = BooleanField(default=False)
        status = CharField(max_length=24, default="waiting")
        closing = BooleanField(default=False)
        code = CharField(null=True, max_length=32)
        error = TextField(default="")
        rows = IntegerField(default=0)
        created = IntegerField(default=0)
        updated = IntegerField(default=0)
        unchanged = IntegerField(default=0)
        rejected = IntegerField(default=0)
        warnings = IntegerField(default=0)
        position = IntegerField(default=0)
        offsets = JSONField(default=dict)
        attempts = IntegerField(default=0)
        lease_owner = CharField(null=True, max_length=64)
        lease_until = UTCField(null=True)
        received_at = UTCField()
        started_at = UTCField(null=True)
        finished_at = UTCField(null=True)

        class Meta:
            database = db
            table_name = "import_run"
            indexes = ((("status",), False), (("account", "entity", "status"), False))

    db.create_tables([ImportRun])

    class Product(Model):
        system_id = CharField(primary_key=True, max_length=36)
        created_at = UTCField()
        updated_at = UTCField()
        account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
        sku_id = CharField(max_length=100)
        reference_id = CharField(null=True, max_length=100)
        name = CharField(max_length=500)
        description = TextField(null=True)
        status = CharField(max_length=16, default="active")
        categories = JSONField(default=list)
        collections = JSONField(default=list)
        moq = ExactDecimalField(null=True)
        ioq = ExactDecimalField(null=True)
        uom = CharField(null=True, max_length=200)
        barcode = CharField(null=True, max_length=100)
        weight = ExactDecimalField(null=True)
        media = JSONField(default=list)
        prices = JSONField(default=dict)
        attributes = JSONField(default=dict)

        class Meta:
            database = db
            table_name = "product"
            indexes = ((("account", "sku_id"), True), (("account", "reference_id"), True))

    db.create_tables([Product])

    class Inventory(Model):
        system_id = CharField(primary_key=True, max_length=36)
        created_at = UTCField()
        updated_at = UTCField()
        account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
        product = ForeignKeyField(Product, on_delete="CASCADE", index=False)
        warehouse = CharField(max_length=200, default="MAIN")
        available_quantity = ExactDecimalField()
        on_order_quantity = JSONField(default=list)
        on_order_eta = JSONField(default=list)
        back_order_allowed = BooleanField(null=True)
        back_order_limit = ExactDecimalField(null=True)

        class Meta:
            database = db
            table_name = "inventory"
            indexes = ((("product", "warehouse"), True), (("account", "product"), False))

    db.create_tables([Inventory])

    class Customer(Model):
        system_id = CharField(primary_key=True, max_length=36)
        created_at = UTCField()
        updated_at = UTCField()
        account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
        reference_id = CharField(null=True, max_length=100)
        company_name = CharField(max_length=500)
        name_key = CharField(null=True, max_length=500)
        email = CharField(null=True, max_length=320)
        phone = CharField(null=True, max_length=200)
        sales_rep = CharField(null=True, max_length=200)
        pricelist = CharField(null=True, max_length=200)
        payment_terms = CharField(null=True, max_length=200)
        currency = CharField(null=True, max_length=3)
        tax_id = CharField(null=True, max_length=100)
        status = CharField(max_length=16, default="active")
        attributes = JSONField(default=dict)

        class Meta:
            database = db
            table_name = "customer"
            indexes = ((("account", "reference_id"), True), (("account", "name_key"), False))

    db.create_tables([Customer])

    class Address(Model):
        system_id = CharField(primary_key=True, max_length=36)
        created_at = UTCField()
        updated_at = UTCField()
        account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
        reference_id = CharField(null=True, max_length=100)
        customer = ForeignKeyField(Customer, on_delete="CASCADE")
        type = CharField(max_length=16)
        attention = CharField(null=True, max_length=200)
        line_1 = CharField(max_length=200)
        line_2 = CharField(null=True, max_length=200)
        city = CharField(max_length=200)
        state = CharField(null=True, max_length=200)
        postal_code = CharField(null=True, max_length=100)
        country = CharField(max_length=2)
        phone = CharField(null=True, max_length=200)
        is_default = BooleanField(default=False)

        class Meta:
            database = db
            table_name = "address"
            indexes = ((("account", "reference_id"), True),)

    db.create_tables([Address])

    class Contact(Model):
        system_id = CharField(primary_key=True, max_length=36)
        created_at = UTCField()
        updated_at = UTCField()
        account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
        reference_id = CharField(null=True, max_length=100)
        customer = ForeignKeyField(Customer, on_delete="CASCADE")
        first_name = CharField(max_length=200)
        last_name = CharField(null=True, max_length=200)
        email = CharField(null=True, max_length=320)
        phone = CharField(null=True, max_length=200)
        role = CharField(null=True, max_length=200)
        is_primary = BooleanField(default=False)

        class Meta:
            database = db
            table_name = "contact"
            indexes = ((("account", "reference_id"), True),)

    db.create_tables([Contact])

    class Category(Model):
        system_id = CharField(primary_key=True, max_length=36)
        created_at = UTCField()
        updated_at = UTCField()
        account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
        reference_id = CharField(null=True, max_length=100)
        parent = ForeignKeyField("self", null=True, on_delete="RESTRICT")
        path = CharField(max_length=1000)
        description = TextField(null=True)
        media = JSONField(default=list)
        position = IntegerField(null=True)

        class Meta:
            database = db
            table_name = "category"
            indexes = ((("account", "reference_id"), True), (("account", "path"), True))

    db.create_tables([Category])

    class Collection(Model):
        system_id = CharField(primary_key=True, max_length=36)
        created_at = UTCField()
        updated_at = UTCField()
        account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
        reference_id = CharField(null=True, max_length=100)
        name = CharField(max_length=200)
        description = TextField(null=True)
        media = JSONField(default=list)
        position = IntegerField(null=True)

        class Meta:
            database = db
            table_name = "collection"
            indexes = ((("account", "reference_id"), True), (("account", "name"), True))

    db.create_tables([Collection])

    class Order(Model):
        system_id = CharField(primary_key=True, max_length=36)
        created_at = UTCField()
        updated_at = UTCField()
        account = ForeignKeyField(Account, on_delete="CASCADE", index=False)
        reference_id = CharField(null=True, max_length=100)
        customer = ForeignKeyField(Customer, on_delete="RESTRICT")
        status = CharField(max_length=16, default="draft")
        order_date = DateField()
        currency = CharField(null=True, max_length=3)
        pricelist = CharField(null=True, max_length=200)
        billing_address = ForeignKeyField(Address, null=True, on_delete="RESTRICT")
        shipping_address = ForeignKeyField(Address, null=True, on_delete="RESTRICT")
        notes = TextField(null=True)
        shipping_amount = ExactDecimalField(null=True)
        tax_amount = ExactDecimalField(null=True)

        class Meta:
            database = db
            table_name = "sales_order"
            indexes = ((("account", "reference_id"), True),)

    db.create_tables([Order])

    class OrderLine(Model):
        order = ForeignKeyField(Order, on_delete="CASCADE", index=False)
        position = IntegerField()
        product = ForeignKeyField(Product, on_delete="RESTRICT")
        quantity = ExactDecimalField()
        unit_price = ExactDecimalField(null=True)
        line_discount = ExactDecimalField(null=True)
        line_notes = TextField(null=True)

        class Meta:
            database = db
            table_name = "order_line"
            indexes = ((("order", "position"), True),)

    db.create_tables([OrderLine])


def down(migrator: SchemaMigrator, db: Database) -> None:
    migrator.migrate(migrator.drop_table("order_line"))
    migrator.migrate(migrator.drop_table("sales_order"))
    migrator.migrate(migrator.drop_table("collection"))
    migrator.migrate(migrator.drop_table("category"))
    migrator.migrate(migrator.drop_table("contact"))
    migrator.migrate(migrator.drop_table("address"))
    migrator.migrate(migrator.drop_table("customer"))
    migrator.migrate(migrator.drop_table("inventory"))
    migrator.migrate(migrator.drop_table("product"))
    migrator.migrate(migrator.drop_table("import_run"))
    migrator.migrate(migrator.drop_table("upload"))
    migrator.migrate(migrator.drop_table("open_name"))
    migrator.migrate(migrator.drop_table("entity_settings"))
    migrator.migrate(migrator.drop_table("login"))
    migrator.migrate(migrator.drop_table("account"))
