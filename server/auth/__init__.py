"""Identities and permissions.

- ``gate``: establishes the identity of every request, or refuses it
- ``epochs``: when what a gate has cached is outdated
- ``verifier``: verifies credentials
- ``browser_sessions``: starts and ends the sessions of browsers
- ``identity``: the caller and the workspace of a request
- ``workspaces``: which workspace a request is for
- ``credentials``: what a request presents: a password, a token, a session
- ``api_tokens``: the text of API tokens
- ``passwords``: password hashes
- ``login_limits``: limits of failed log-ins
- ``rate_limits``: limits of the rate of requests
- ``last_uses``: when tokens and sessions were used last
- ``refusals``: refused requests, for the audit
- ``browsers``: redirects to the log-in page, session cookies, CSRF tokens
- ``single_sign_on``: log-in of browsers through an identity provider
- ``trusted_tokens``: tokens (JWT) of CI jobs, which act as the service account of a trust rule
- ``exchange``: API tokens for the tokens of CI jobs
- ``signed_tokens``: verification of tokens (JWT) of other issuers
- ``issuer_keys``: public keys of these issuers
- ``rights``: what permissions allow, by MLflow's rules
- ``limits``: limits of an API token to experiments and models, of a share link to experiments and runs
- ``shared``: what share links show
- ``redaction``: what a denied type of resources hides in responses about others
- ``needs``: the notation of what an operation needs
- ``artifact_needs``: what requests about artifacts need
- ``first_admin``: the administrator of a new server
- ``policy``: the permissions, one for each handler
"""
