"""MLflow's own web pages: where their files are, how they are served, and stubs for what they ask for."""
