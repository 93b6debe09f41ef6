"""Loads plugins and calls their hooks one by one, so that a failing one harms nobody else."""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import inspect
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib import metadata
from typing import Any

import pluggy

import hookspecs
from errors import FileRefused, HookError

log = logging.getLogger("ftpdock.hooks")

REFUSING = ("on_file_received", "before_import")
"""Hooks whose FileRefused is heeded."""
HOLDING_UP = ("on_export",)
"""Hooks for which one thread waits that serves all accounts: one that hangs is told of while it does."""
PATIENCE = 10.0
"""Seconds until then."""
UNSAID = "A rule of this server's owner refuses the file: ask there what is wrong with it before you send it again"
"""What is said of a file that a plugin refuses without a word."""


class Hooks:
    """The plugins of one process."""

    def __init__(self, modules: Iterable[str] = (), plugins: Iterable[object] = ()) -> None:
        """Load `modules` by name, then what is offered by entry points, then `plugins`. Raises HookError."""
        self._manager = pluggy.PluginManager("ftpdock")
        self._manager.add_hookspecs(hookspecs)
        for name in modules:
            if self._manager.has_plugin(name):
                raise HookError(f"The setting plugins names {name} twice: once is enough")
            self._load(name, functools.partial(importlib.import_module, name))
        for entry in metadata.entry_points(group="ftpdock.hooks"):
            if not self._manager.has_plugin(entry.name):
                self._load(entry.name, entry.load)
        for plugin in plugins:
            self._load(self._manager.get_canonical_name(plugin), functools.partial(_itself, plugin))
        self._refuse_unknown()
        self._refuse_uncallable()

    def _load(self, name: str, plugin: Callable[[], object]) -> None:
        """Raises HookError, whatever it is that the plugin does in place of being loaded."""
        try:
            self._manager.register(plugin(), name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise HookError(f"Plugin {name} can't be loaded: {_fault(error)}") from error

    def _refuse_unknown(self) -> None:
        """Nobody would ever call them. Raises HookError."""
        known = [name for name, hook in vars(self._manager.hook).items() if hook.has_spec()]
        for name in vars(self._manager.hook).keys() - known:
            for implementation in getattr(self._manager.hook, name).get_hookimpls():
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                if not implementation.optionalhook:
                    raise HookError(f"Plugin {implementation.plugin_name} has {name}, which is no hook: {hint}")

    def _refuse_uncallable(self) -> None:
        """A call of these would do nothing, and nobody would hear of it. Raises HookError."""
        for hook in vars(self._manager.hook).values():
            for implementation in hook.get_hookimpls():
                if kind := _uncallable(implementation):
                    raise HookError(f"{hook.name} of plugin {implementation.plugin_name} is {kind}, but each hook is "
                                    "called by itself, as a plain function: write it as one")  # fmt: skip

    def has(self, hook: str) -> bool:
        """Whether a plugin implements `hook`."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def call(self, hook: str, around: Callable[[str], AbstractContextManager[None]] = nullcontext, /,  # type: ignore[assignment]
             **arguments: Any) -> None:  # fmt: skip
        """Call each plugin's `hook`. Raises FileRefused when a plugin does and may; what else it raises is logged.

        `around` gets the plugin's name and gives what its call is wrapped in; what that raises is the plugin's fault.
        """
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):  # the order of pluggy
            name = implementation.plugin_name
            wanted = {each: arguments[each] for each in implementation.argnames}
            telling = _telling(hook, name) if hook in HOLDING_UP else nullcontext()
            try:
                with telling, around(name):
                    implementation.function(**wanted)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                # Also sys.exit(), which would end the thread, or the process, that happens to call the plugin.
                if isinstance(error, FileRefused) and hook in REFUSING:
                    if not (message := _message(error)):
                        log.warning("hook %s of plugin %s refused a file without a message", hook, name)
                    raise FileRefused(message or UNSAID) from error
                log.exception("hook %s of plugin %s failed", hook, name)


def _itself(plugin: object) -> object:
    return plugin


def _fault(error: BaseException) -> str:
    """Why a plugin was not loaded, on one line."""
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({error.code!r}), which would end whatever loads it; take that away"
    words = " ".join(str(error).split())
    return (
        words if isinstance(error, (ImportError, pluggy.PluginValidationError)) else f"{type(error).__name__}: {words}"
    )


def _message(refusal: FileRefused) -> str:
    """What a plugin says, without what no file or database holds (halves of characters, NUL); empty for nothing."""
    text = str(refusal).encode(errors="replace").decode().replace("\0", " ").strip()
    return "" if text == "None" else text


def _uncallable(implementation: pluggy.HookImpl) -> str:
    """What an implementation is that a plain call would not run; empty for a plain function."""
    if implementation.wrapper or implementation.hookwrapper:
        return "a wrapper"
    if inspect.isgeneratorfunction(implementation.function):
        return "a generator (it holds a yield)"
    if inspect.iscoroutinefunction(implementation.function) or inspect.isasyncgenfunction(implementation.function):
        return "an async function"
    return ""


@contextlib.contextmanager
def _telling(hook: str, plugin: str) -> Iterator[None]:
    """Log when it takes long, before it is over: it may never be."""
    message = "hook %s of plugin %s has been running for %.0f s; all accounts wait for it"
    timer = threading.Timer(PATIENCE, log.warning, (message, hook, plugin, PATIENCE))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
