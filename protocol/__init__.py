"""What edge and hub agree on, as pure functions over bytes: metrics, topics, batches, events, acks.

Nothing here opens a file, a socket or a clock, and nothing here knows about either side. SPEC.md says the same in
words; `batch.cddl` and `asyncapi.yaml` say it for machines, and tests hold the three against this code.
"""
