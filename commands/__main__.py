"""`python -m commands` is `ftpdock`."""

from commands import main

main(prog_name="ftpdock")
