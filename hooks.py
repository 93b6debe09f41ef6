"""Loads plugins and calls their hooks one by one, so that a failing one harms nobody else."""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
from collections.abc import Iterable, Iterator
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


class Hooks:
    """The plugins of one process."""

    def __init__(self, modules: Iterable[str] = (), plugins: Iterable[object] = ()) -> None:
        """Load `modules` by name, then what is offered by entry points, then `plugins`. Raises HookError."""
        self._manager = pluggy.PluginManager("ftpdock")
        self._manager.add_hookspecs(hookspecs)
        try:
            for name in modules:
                self._manager.register(importlib.import_module(name), name)
            self._manager.load_setuptools_entrypoints("ftpdock.hooks")
            for plugin in plugins:
                self._manager.register(plugin)
            self._manager.check_pending()
        except Exception as error:
            raise HookError(f"A plugin can't be loaded: {error}") from error

    def has(self, hook: str) -> bool:
        """Whether a plugin implements `hook`."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def call(self, hook: str, **arguments: Any) -> None:
        """Call each plugin's `hook`. Raises FileRefused when a plugin does and may; what else it raises is logged."""
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            wanted = {name: arguments[name] for name in implementation.argnames}
            telling = _telling(hook, implementation.plugin_name) if hook in HOLDING_UP else contextlib.nullcontext()
            try:
                with telling:
                    implementation.function(**wanted)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                # Also sys.exit(), which would end the thread, or the process, that happens to call the plugin.
                if isinstance(error, FileRefused) and hook in REFUSING:
                    raise
                log.exception("hook %s of plugin %s failed", hook, implementation.plugin_name)


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
