"""MLflow's wire format: messages, endpoints, error codes, rules and the search language.

This package does no I/O, and only `_generate` imports mlflow.

Messages and endpoints:

``wire``                base classes of messages and enumerations, ``Endpoint``
``messages``            generated: MLflow's messages
``genai_messages``      generated: messages that only the generative AI endpoints use
``endpoints``           generated: the endpoints of MLflow's protos
``quirks``              required fields, defaults, aliases and bounds that the protos do not state
``_generate``           the generator of the three modules above
``extra``               endpoints of MLflow that are not in its protos
``unserved``            endpoints of MLflow that are not in its protos and answer 501 here
``trackway_api``        Trackway's own endpoints: history of the registry
``trackway_artifacts``  endpoints that transfer files: MLflow's outside its protos, and Trackway's own
``trackway_audit``      Trackway's own endpoint: the audit
``trackway_governance``  Trackway's own endpoints: policies, verdicts, approvals
``trackway_shares``     Trackway's own endpoints: share links
``trackway_trust``      Trackway's own endpoints: trusted issuers, trust rules
``trackway_webhooks``   Trackway's own endpoints: webhook deliveries

JSON:

``codec``               decodes requests, encodes responses
``plans``               readers and writers of a message class, compiled at its first use
``reader_source``       the Python source of a message class's reader
``scalars``             strings, numbers, bytes, enumerations
``wellknown``           timestamps, durations and the other ``google.protobuf`` types

Searches:

``filters``             parser of filters and of order_by clauses
``fields``              the classes that declarations of searchable keys consist of
``searchable``          the searchable keys of each entity, except traces
``searchable_traces``   the searchable keys of traces
``search_words``        readers of values and error messages that these declarations share
``paging``              page tokens

Traces:

``traces``              spans as clients send, store and read them, and what their tokens cost

Governance:

``governance``          the language in which policies say what a model version needs

Rules and errors:

``rules``               limits and checks of runs and experiments
``registry_rules``      limits and checks of the model registry
``logged_model_rules``  limits and checks of logged models, page tokens of their search
``trust_rules``         issuers of tokens (JWT), what their claims mean, which are trusted
``webhook_rules``       events, payloads, signatures and checks of webhooks
``workspace_rules``     names and settings of workspaces
``model_sources``       which source URIs a model version may have
``artifact_paths``      which artifact paths are valid
``uris``                checks of artifact locations, and joining them with paths
``hosts``               which hosts an artifact location may name
``names``               random run names
``switches``            settings of MLflow's server that change its rules
``errors``              API errors: code, message, HTTP status
"""
