"""MLflow's own web UI.

``files``  finds the built files of the UI on this machine, or fetches them from MLflow's wheel
``pages``  serves these files over HTTP
``stubs``  empty responses for requests of the UI that concern features of MLflow that Trackway lacks
"""
