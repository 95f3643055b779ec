"""Where HTTP meets the server before any RPC: security, watching, and what is not in the protos."""
