"""Where the edge touches the world: one module, and one importer, per foreign library."""
