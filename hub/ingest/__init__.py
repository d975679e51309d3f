"""From a payload on a topic to committed rows and an ack."""
