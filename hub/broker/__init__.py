"""Who may enter the broker and what they may do there: pure, from the credentials to the broker's own files."""
