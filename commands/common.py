"""What the commands share: their group, the options and argument types of several nouns, errors told at the edge."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click
from peewee import PeeweeException

from commands.context import Context, pass_context
from commands.output import cell, iso, print_json, print_object, print_objects, print_table
from commands.streams import fault_of_output, make_streams_sound
from errors import FtpdockError

__all__ = [
    "NUMBER",
    "Checked",
    "Command",
    "Context",
    "EntitiesType",
    "EntityType",
    "Group",
    "account_option",
    "at_terminal",
    "cell",
    "chosen",
    "folders",
    "iso",
    "json_option",
    "pass_context",
    "password_option",
    "print_json",
    "print_object",
    "print_objects",
    "print_table",
    "read_password",
    "yes_option",
]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _set_home(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value == "":
        raise click.BadParameter("it names no folder: give one, or leave the option out")
    if value is not None:
        ctx.ensure_object(Context).home = value


def _home_option() -> click.Option:
    return click.Option(
        ["--home"],
        type=click.Path(file_okay=False),
        is_eager=True,
        expose_value=False,
        callback=_set_home,
        help="The folder of everything. [default: $FTPDOCK_HOME, else the platform's data folder]",
    )


class Command(click.Command):
    """A command that takes --home behind its name, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_home_option())

    def invoke(self, ctx: click.Context) -> Any:
        result = super().invoke(ctx)
        sys.stdout.flush()
        return result


class Group(click.Group):
    """A noun: lists its commands in the order in which they are written."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class Root(Group):
    """`ftpdock` itself: the edge, where errors written for a person become one line and exit status 1."""

    done = False
    """Whether a command has come to its end in order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_home_option())

    def main(self, *args: Any, **extra: Any) -> Any:
        make_streams_sound()
        self.done = False
        try:
            return super().main(*args, **extra)
        except SystemExit as end:
            if fault := fault_of_output():
                what = "It was done, but what there is to say of it" if self.done else "The output"
                with contextlib.suppress(OSError):
                    click.echo(f"Error: {what} could not be written: {fault}", err=True)
                raise SystemExit(end.code or 1) from None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        ctx.ensure_object(Context)
        try:
            result = super().invoke(ctx)
            self.done = True
            return result
        except FtpdockError as error:
            raise click.ClickException(str(error)) from error
        except PeeweeException as error:
            raise click.ClickException(f"The database can't be used: {error}".rstrip()) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            raise click.ClickException(_of_file(error)) from error
        except UnicodeEncodeError as error:
            raise _not_utf8() from error


def _of_file(error: OSError) -> str:
    if isinstance(error.filename, (str, bytes, os.PathLike)) and error.strerror:
        return f"{cell(os.fsdecode(error.filename))}: {error.strerror}"
    return error.strerror or str(error)


def _not_utf8() -> click.ClickException:
    """Python keeps bytes that are no UTF-8 as halves of characters, which no database takes.

    A setting's value is not repeated: it may be a password.
    """
    wrong = [each for each in sys.argv[1:] if any("\ud800" <= character <= "\udfff" for character in each)]
    if wrong:
        return click.UsageError(f"{wrong[0]!a} is not UTF-8: write it in UTF-8")
    return click.ClickException("A text that was given is not UTF-8")


class Checked(click.ParamType[Any]):
    """A value that a check, such as those of account_checks.py, has to pass, or is made into something else by it; what
    fails is a usage error, exit status 2."""

    def __init__(self, name: str, check: Callable[[str], Any]) -> None:
        self.name, self.check = name, check

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self.check(value)
        except FtpdockError as error:
            self.fail(str(error), param, ctx)


class EntityType(click.ParamType[Any]):
    """An entity, plugins' included, in the singular or plural and in any case: the singular, as in `product`."""

    name = "entity"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        assert ctx is not None
        schemas = ctx.ensure_object(Context).schemas
        names = {name: schema.entity for schema in schemas for name in (schema.entity, schema.plural)}
        entity = names.get(value.strip().lower())
        if entity is None:
            near = difflib.get_close_matches(value.lower(), names, 1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(each.entity for each in schemas)}"
            )
            self.fail(f"{value!r} is no entity: {hint}", param, ctx)
        return entity


class EntitiesType(click.ParamType[Any]):
    """A list of entities separated by commas: a tuple of singulars, each once; `all` is the empty tuple."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if not isinstance(value, str):
            return tuple(value)
        if value.strip().lower() == "all":
            return ()
        one = EntityType()
        return tuple(dict.fromkeys(one.convert(part, param, ctx) for part in value.split(",")))


class NumberType(click.ParamType[int]):
    """From 1 on, as far as the database counts."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if not re.fullmatch(r"0*[1-9]\d{0,17}", str(value), re.ASCII):
            self.fail(f"{value!r} is no number that there can be: write 1 or more, in 18 digits or less", param, ctx)
        return int(value)


NUMBER = NumberType()
"""Of an import, an export, a target or a mail; how many at the most."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", is_flag=True, help="Don't ask.")
password_option = click.option("--password-stdin", is_flag=True, help="Read the password from one line of stdin.")


def account_option(required: bool = False, help: str = "Only this account.") -> Callable[[Decorated], Decorated]:
    """--account NAME as the argument `account`: the name, or None. `accounts.find` makes an account of it."""
    return click.option("--account", required=required, metavar="NAME", help=help)


def at_terminal() -> bool:
    """Whether there is a person to be asked."""
    return sys.stdin.isatty()


def read_password(login: str, from_stdin: bool) -> tuple[str, bool]:
    """The password and whether it was made here, so that it has to be shown: from stdin, a prompt, or a new one."""
    if from_stdin:
        return _first_line(), False
    if at_terminal():
        return click.prompt(f"Password for login {login}", hide_input=True, confirmation_prompt=True), False
    import passwords

    return passwords.new_password(), True


def _first_line() -> str:
    try:
        return sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise FtpdockError("The password on stdin is not UTF-8") from None


def chosen(**options: Any) -> dict[str, Any]:
    """Those options of a `set` command that were given."""
    return {name: value for name, value in options.items() if value is not None}


def folders(context: Context) -> dict[str, str]:
    """Entity to the name of its folder."""
    return {schema.entity: schema.folder for schema in context.schemas}
