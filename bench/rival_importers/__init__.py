"""Other importers, each as its documentation advises for speed, in an environment of their own (.bench)."""
