"""Webhooks.

- ``registrations``: the webhooks that clients have created, and the events they subscribe to
- ``outbox``: events, written in the transaction of the change that causes them
- ``deliveries``: one delivery for each event and webhook, and every attempt to send it
"""
