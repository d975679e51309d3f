"""Programs for those who work on Kayasol; nothing imports them but a test."""
