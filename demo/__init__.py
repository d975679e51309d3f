"""A broker, the hub and three simulated sites on this machine, to see the system work. Nothing leaves the machine."""
