"""Webhooks: who is to be told what, the outbox of events, and their deliveries."""
