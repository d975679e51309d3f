"""Benchmarks: each prints a table, compares within the same run, and ends with one line a figure. Never a test."""
