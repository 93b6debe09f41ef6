"""What happens to a received file: base.py has the steps, one file per entity the rules."""
