"""A simulated village for tests and demonstrations: sun, panel, battery, controller registers, kiosk customers.

`village` puts it together and is pure; `bus`, `pins` and `live` are the only modules that touch the machine. Only
`pins.MockPinDriver` is meant to run inside the agent's own process; the agent knows nothing else of this package.
"""
