"""Background jobs, which worker processes run beside their requests.

- ``runner``: takes due jobs and runs each in a thread
- ``audit_seals``: seals old rows of the audit
- ``trace_texts``: adds traces to the index of texts
- ``backoff``: how long a failed job waits before its next attempt
- ``trace_files``: deletes the files of deleted traces
- ``webhooks``: delivers one webhook event
- ``http_client``: the HTTP client for webhooks, which connects to allowed addresses only
"""
