"""The history of the ledger's tables; a released migration is never edited."""
