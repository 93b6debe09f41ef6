"""The machinery under handlers: reading CSV, validating, bulk reading and writing, reports."""
