"""Exports that are brought to partners' own servers, too."""

from exports.push.pusher import Pusher

__all__ = ["Pusher"]
