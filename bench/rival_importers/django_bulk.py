"""django-import-export in bulk mode: an equal model, equal checks. python -m ... FILE DATABASE validated|unvalidated"""

from __future__ import annotations

import json
import sys
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import django
import tablib
from django.apps import AppConfig
from django.conf import settings

PRAGMAS = "PRAGMA journal_mode = wal; PRAGMA synchronous = full"

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[2],
                           "OPTIONS": {"init_command": PRAGMAS, "transaction_mode": "IMMEDIATE"}}},
    INSTALLED_APPS=["bench.rival_importers.django_bulk.Shop"],
    USE_TZ=True,
)  # fmt: skip


class Shop(AppConfig):
    name = "bench.rival_importers"
    label = "shop"


# Else the roster of apps would import it once more, under its own name.
sys.modules["bench.rival_importers.django_bulk"] = sys.modules[__name__]
django.setup()

from django.core.validators import MinValueValidator, URLValidator  # noqa: E402
from django.db import connection, models  # noqa: E402
from import_export import fields, resources, widgets  # noqa: E402
from import_export.instance_loaders import CachedInstanceLoader  # noqa: E402

from bench.partner_files import CATEGORIES, COLLECTION  # noqa: E402

NOT_NEGATIVE = [MinValueValidator(0)]
AMOUNT = {"max_digits": 24, "decimal_places": 6, "null": True, "blank": True, "validators": NOT_NEGATIVE}


class Product(models.Model):
    system_id = models.CharField(max_length=36, primary_key=True, default=lambda: str(uuid.uuid4()))
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    account = models.IntegerField(default=1)
    sku_id = models.CharField(max_length=100)
    reference_id = models.CharField(max_length=100, null=True, blank=True)
    name = models.CharField(max_length=500)
    description = models.TextField(null=True, blank=True)
    status = models.CharField(max_length=16, default="active", choices=[("active", "active"), ("inactive", "inactive")])
    categories = models.JSONField(default=list, blank=True)
    collections = models.JSONField(default=list, blank=True)
    moq = models.DecimalField(**AMOUNT)
    ioq = models.DecimalField(**AMOUNT)
    uom = models.CharField(max_length=200, null=True, blank=True)
    barcode = models.CharField(max_length=100, null=True, blank=True)
    weight = models.DecimalField(**AMOUNT)
    media = models.JSONField(default=list, blank=True)
    prices = models.JSONField(default=dict, blank=True)
    attributes = models.JSONField(default=dict, blank=True)

    class Meta:
        app_label = "shop"
        constraints = [
            models.UniqueConstraint(fields=["account", "sku_id"], name="sku"),
            models.UniqueConstraint(fields=["account", "reference_id"], name="reference"),
        ]


class Known(widgets.Widget):
    """Names of what must exist, separated by |, to identifiers."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self._ids = {name: str(uuid.uuid4()) for name in names}

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> list[str]:
        try:
            return [self._ids[name] for name in value.split("|")] if value else []
        except KeyError as error:
            raise ValueError(f"{error} does not exist") from None


class Addresses(widgets.Widget):
    check = URLValidator()

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> list[str]:
        found = value.split("|") if value else []
        for each in found:
            self.check(each)
        return found


class Open(widgets.Widget):
    """The columns that begin with a prefix, as one object."""

    def __init__(self, prefix: str, amounts: bool) -> None:
        super().__init__()
        self._prefix, self._amounts = prefix, amounts

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> dict[str, str]:
        found = {name.removeprefix(self._prefix): cell for name, cell in row.items()
                 if cell and name.startswith(self._prefix)}  # fmt: skip
        if self._amounts:
            for each in found.values():
                try:
                    wrong = Decimal(each) < 0
                except ArithmeticError:
                    wrong = True
                if wrong:
                    raise ValueError(f"{each} is no price")
        return found


class ProductResource(resources.ModelResource):
    sku_id = fields.Field("sku_id", "SKU_ID")
    reference_id = fields.Field("reference_id", "Reference_ID")
    name = fields.Field("name", "Name")
    description = fields.Field("description", "Description")
    status = fields.Field("status", "Status")
    categories = fields.Field("categories", "Category", widget=Known((*CATEGORIES, COLLECTION)))
    collections = fields.Field("collections", "Collection", widget=Known((COLLECTION,)))
    moq = fields.Field("moq", "MOQ", widget=widgets.DecimalWidget())
    ioq = fields.Field("ioq", "IOQ", widget=widgets.DecimalWidget())
    uom = fields.Field("uom", "UOM")
    barcode = fields.Field("barcode", "Barcode")
    weight = fields.Field("weight", "Weight", widget=widgets.DecimalWidget())
    media = fields.Field("media", "Media", widget=Addresses())
    prices = fields.Field("prices", "Price: Retail", widget=Open("Price: ", amounts=True))
    attributes = fields.Field("attributes", "Attribute: Color", widget=Open("Attribute: ", amounts=False))

    class Meta:
        model = Product
        fields = ("sku_id", "reference_id", "name", "description", "status", "categories", "collections", "moq", "ioq",
                  "uom", "barcode", "weight", "media", "prices", "attributes")  # fmt: skip
        import_id_fields = ("sku_id",)
        instance_loader_class = CachedInstanceLoader
        use_bulk, batch_size = True, 1_000
        use_transactions = True
        skip_diff = True
        clean_model_instances = sys.argv[3] == "validated"

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        row["Status"] = row["Status"].lower()


def main(path: Path) -> None:
    with connection.schema_editor() as editor:
        editor.create_model(Product)
    begun = time.perf_counter()
    with path.open(newline="", encoding="utf-8") as file:
        data = tablib.Dataset().load(file, format="csv")
    result = ProductResource().import_data(data, raise_errors=False)
    seconds = time.perf_counter() - begun
    stored, rejected = Product.objects.count(), len(result.invalid_rows)
    assert not result.has_errors(), [
        json.dumps(str(each.error)) for _, errors in result.row_errors() for each in errors
    ][:3]
    assert stored + rejected == len(data)
    assert 0 < rejected < len(data) / 10
    print(seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
