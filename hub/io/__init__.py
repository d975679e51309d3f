"""Where the hub touches the world: one module, and one importer, per foreign library."""
