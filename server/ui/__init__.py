"""MLflow's own web UI.

``files``  finds the built files of the UI on this machine, or fetches them from MLflow's wheel
``libraries``  finds and fetches chart libraries for HTML artifacts
``pages``  serves these files over HTTP
``page_script``  what is added to the page: settings, and sentences about missing features
``stubs``  empty responses to requests of the UI that concern features of MLflow that Trackway lacks
"""
