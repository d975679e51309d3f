"""One module a migration, numbered in the order they run."""
