"""Answers as HTML: one module per audience, templates in `dashboards/`, charts drawn here as inline SVG."""
