"""Loads plugins and calls their hooks one by one, so that a failing one harms nobody else."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable
from typing import Any

import pluggy

import hookspecs
from errors import FileRefused, HookError

log = logging.getLogger("ftpdock.hooks")

REFUSING = ("on_file_received", "before_import")
"""Hooks whose FileRefused is heeded."""


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
            try:
                implementation.function(**wanted)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                # Also sys.exit(), which would end the thread, or the process, that happens to call the plugin.
                if isinstance(error, FileRefused) and hook in REFUSING:
                    raise
                log.exception("hook %s of plugin %s failed", hook, implementation.plugin_name)
