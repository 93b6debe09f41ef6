"""The queue: which import is next, the workers that take them, and the process that minds the workers."""
