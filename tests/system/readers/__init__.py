"""Modbus clients from PyPI, a module for each family of devices."""
