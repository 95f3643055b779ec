"""Benchmarks: Trackway compared with MLflow's server and FastTrackML. See ``python -m benchmarks --help``.

- ``__main__``: the comparison of the servers; writes BENCHMARKS.md
- ``bench``: one run of the comparison: options, samples, output on the terminal
- ``servers``: the servers that are compared; ``environments`` installs them
- ``wire``: the requests of MLflow's client; ``load`` sends them over many connections
- ``writes``, ``reads``, ``searches``, ``client``, ``artifacts``, ``footprint``: the rows of the comparison
- ``fill``: writes many runs directly into the tables of each server
- ``processes``: processor time and memory of a server's processes
- ``targets``: the titles of the rows, and the targets; ``results``: the file of samples
- ``report``, ``picture``: BENCHMARKS.md and its chart
- ``scaling``, ``scaling_fill``, ``scaling_tables``: growth with workers, runs and points; docs/scaling.md
- ``soak``, ``soak_calls``, ``soak_report``, ``soak_picture``: long steady load
- ``ui_runs``: response times of the UI's runs page
- ``entered_files``: source files that a request uses
"""
