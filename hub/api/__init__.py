"""Answers as JSON and CSV under /api/v1: one thin router per resource. Stable: fields are added, never changed."""
