"""What one client, request or fault may not take from the others, and that nothing acknowledged is lost.

``load``          many writers, and whether what they were told is stored
``hostile``       requests that no client would send
``disks``         disks that are full
``slow_clients``  a program of many clients that send or read slowly
``probes``        how the server answers others meanwhile: latency, rate, memory
``figures``       the figures of a case, and the page with those of all
``test_*``        the cases; each prints its figures
"""
