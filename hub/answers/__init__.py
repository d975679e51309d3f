"""One module per question that people ask: reads the ports, calls the domain, returns one frozen answer.

API, pages and reports show the same answer, so they cannot disagree.
"""
