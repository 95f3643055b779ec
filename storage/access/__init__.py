"""Who may use the server. Principals belong to the whole server, so these functions ignore ``tx.workspace``.

``principals``  users and service accounts
``external_users``  users of identity providers
``roles``       roles, and who has them
``grants``      permissions of roles
``changes``     what a transaction changes, for its audit row
``owners``      permissions that follow a resource
``containers``  the experiments and models of a request's resources
``artifact_owners``  the experiment that owns a path in an artifact store
``tokens``      API tokens of principals
``share_links``  links that show runs without a log-in
``issuers``     issuers of tokens that are accepted, and trust rules
``workspaces``  workspaces and their artifact roots
``workspace_levels``  levels of users in whole workspaces, as MLflow 3.10 to 3.12 had them
``workspace_names``  names that other systems have for workspaces
``moves``       moves between workspaces, deletion of workspaces
``sessions``    log-ins of browsers
``state``       the epoch, by which processes notice changes, and the signing key

Every change that may take rights away raises the epoch in its transaction (``state.raise_epoch``).
"""
