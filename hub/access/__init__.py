"""Who may see and do what: roles, scopes, secrets, and the record of what was done. Pure."""
