"""What one client, one request or one fault may not take from the others.

``slow_clients``  a program of many clients that send or read slowly
``probes``        how the server answers others meanwhile: latency, rate, memory
``figures``       the figures of a case, and the page with those of all
``test_*``        the cases; each prints its figures
"""
